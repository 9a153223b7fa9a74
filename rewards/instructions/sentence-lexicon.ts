/**
 * What Punkt learns from a corpus, here in short lists of frequent English: NLTK's own tables hold 20,000 words. Chosen
 * so that sentence counts agree with NLTK's English model; test/long/ifeval-python.test.ts measures how often they do.
 */

const list = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter((word) => word !== ""));

/** Words that carry a period without ending a sentence. Not here, as in NLTK's model: e.g, i.e, etc, no, rev, p.s. */
export const ABBREVIATIONS: ReadonlySet<string> = list(`
  mr mrs ms dr prof gen col lt maj adm sen rep reps sr jr st messrs ph.d m.b.a
  inc corp co ltd bros cie cos vs ave ft mg yr ok chg
  jan feb aug sep sept oct nov dec tues wed fri
  ala ariz calif colo conn fla ga ill kan ky mich minn nev okla ore pa tenn va vt wash wis w.va
  n.c n.d n.h n.j n.m n.v n.y r.i s.a s.c d.c l.a u.k u.n u.s u.s.a u.s.s.r
  a.c a.d a.m p.m a.g e.l j.b j.c j.j j.k j.p j.r t.j h.m l.p g.k s.g m.d.c
  c d e f g h k l m n p r s t v w
`);

/** Words that, capitalized after an abbreviation, begin a sentence: in mid-sentence they are written small. */
export const STARTERS: ReadonlySet<string> = list(`
  above according accordingly ahead almost along already although always among anybody anyone anything anywhere ask
  become besides better between beyond both but call cannot certainly check choose concerning consider considering
  create critics currently despite different does done either else elsewhere engineers enjoy enough especially even
  eventually ever exactly except experts explain explore families final finally finish follow following furthermore
  given he hence her here hers herself him himself however i if imagine importantly in include including indeed
  initially inside instead into it leaders learn least many meanwhile moreover most myself naturally nature need
  neither nevertheless nonetheless nor note nothing nowhere otherwise ours ourselves per please possibly practice
  prepare previously probably put recently regarding remember researchers residents right same send separately
  similarly simply since slowly so some someone sometimes soon specifically still such suddenly surely thank thanks
  them themselves there therefore these they things think this though through throughout thus together tomorrow try
  turn typically ultimately under unfortunately unless unlike upon us using very via voters wait went were when
  whenever whereas wherever whether which whichever while within without writers yes yesterday yet your yourself
`);

/** Other frequent words that are written small as well as capitalized: not names, and no sure sign of a beginning. */
export const COMMON_WORDS: ReadonlySet<string> = list(`
  a about across actually add after again against all also am amid an analysts and another any apart are around art
  artists as aside at avoid away back basically be because been before below best bring by can change children city
  clearly close come companies company continue could customers day definitely did do doctors down due during each
  education employees end every everybody everyone everything far few find first focus food for from fun further
  generally get give go good gradually great had half has have having health help his history how investors is its
  join just keep know last later less let life like likely long look lots love made main make maybe me members men
  might money more much music must my name near never new next no nobody none not now obviously of off officials often
  on once one only open or other others our out outside over own parents part past people perhaps place plus quickly
  rather read really run said say school scientists second see several she should show somebody something somewhere
  start stop students study take teachers technology tell that their then third those time to today too toward twice
  two until up use used users usually visit want was we week well what whatever where who whose why will with women
  work workers world would write year you
`);
