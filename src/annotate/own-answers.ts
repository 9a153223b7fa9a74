import type { SampledResponse, ScoredGroup } from "../core/types.ts";
import { isModel } from "../models/wire.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import type { NamedModel } from "./scorer-options.ts";

/** A model that judges responses. */
export interface JudgeModel {
  /** The recipe's name of it. */
  readonly name: string;
  /** Whether a response says that it was answered by this model. */
  isOwn(response: SampledResponse): boolean;
}

/** Options of these names hold the models that judge; others are asked for something else. */
const JUDGES: readonly string[] = ["judge", "judges"];

/**
 * The judges among a scorer's models. A response is a judge's own when its `model` is the recipe's name of that model, as sampling
 * writes it, or the model's own name, by the rule that tells a reply of another model (`isModel`).
 */
export function judgeModels({ recipe }: LoadedRecipe, named: readonly NamedModel[]): readonly JudgeModel[] {
  const keys = named.flatMap(({ option, model }) => (JUDGES.includes(option) ? [model.key] : []));
  return [...new Set(keys)].map((name) => {
    const { model, expectModel } = servedAs(recipe.models[name]);
    const goesBy = (given: string): boolean =>
      model !== undefined &&
      given !== "" &&
      (isModel(given, model) || (expectModel !== undefined && isModel(given, model, expectModel)));
    const names = new Set([
      name,
      ...Object.entries(recipe.models).flatMap(([key, entry]) =>
        goesBy(servedAs(entry).model ?? "") ? [key] : [],
      ),
    ]);
    return {
      name,
      isOwn: (response) =>
        response.model !== undefined && (names.has(response.model) || goesBy(response.model)),
    };
  });
}

/** The names that a server has for a model, where its entry gives them; a judge that may be any model is known by its own name. */
function servedAs(entry: object | undefined): { readonly model?: string; readonly expectModel?: string } {
  const { model, expectModel } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  return {
    ...(typeof model === "string" && { model }),
    ...(typeof expectModel === "string" && expectModel !== "any" && { expectModel }),
  };
}

/** Counts what judges made of their own models' responses. */
export interface OwnAnswers {
  add(group: ScoredGroup): void;
  /** One sentence for each judge that scored responses of its own model, after the scorer's key. */
  alarms(): readonly string[];
}

export function startOwnAnswers(judges: ReadonlyMap<string, readonly JudgeModel[]>): OwnAnswers {
  const scored = new Map<string, number>();
  const counts = [...judges].flatMap(([key, own]) => own.map((judge) => ({ key, judge, own: 0 })));
  return {
    add({ group, columns }) {
      for (const { name, scores } of columns) {
        if (!judges.has(name)) continue;
        const judged = group.responses.filter((_, place) => scores[place]?.kind === "scored");
        scored.set(name, (scored.get(name) ?? 0) + judged.length);
        for (const count of counts) {
          if (count.key === name)
            count.own += judged.filter((response) => count.judge.isOwn(response)).length;
        }
      }
    },
    alarms: () =>
      counts.flatMap(({ key, judge, own }) =>
        own === 0
          ? []
          : [
              `${key}: ${own} of the ${scored.get(key) ?? 0} responses that it scored were answered by the model that judges them (${judge.name}), going by the names: judges tend to prefer their own answers.`,
            ],
      ),
  };
}
