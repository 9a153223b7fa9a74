/**
 * Lines of a shell script that make `$here` its folder, and `hydra` the function that writes a text as a quoted value of Hydra's
 * command line, whose grammar gives `=`, `(`, `,` and letters beyond ASCII a meaning, or refuses them. In quotes, quotes and the
 * backslashes before them are escaped, and `${`, which would begin an interpolation.
 */
export const HYDRA_LINES = String.raw`here=$(cd "$(dirname "$0")" && pwd)
hydra() { printf "'%s'" "$(printf %s "$1" | sed -E -e "s/(\\\\*)'/\\1\\1\\\\'/g" -e 's/(\\*)\$[{]/\1\1\\$\{/g')"; }`;
