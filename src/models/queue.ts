/** Where a call stands; whoever makes it wait says here how it leaves. */
export interface Place {
  onLeave: (() => void) | null;
}

/** First come first served, by the number that each came with; leaving is possible from anywhere. */
export interface Queue<Item> {
  /** Returns what takes the item out again, wherever it then stands. */
  add(item: Item, order: number): () => void;
  first(): { readonly item: Item; readonly order: number } | null;
  take(): void;
}

interface Link<Item> {
  readonly item: Item;
  readonly order: number;
  before: Link<Item> | null;
  after: Link<Item> | null;
  inside: boolean;
}

/** A linked list: one who comes back for another try stands near the front, a new one at the end, both found at once. */
export function createQueue<Item>(): Queue<Item> {
  let head: Link<Item> | null = null;
  let tail: Link<Item> | null = null;

  const remove = (link: Link<Item>): void => {
    if (!link.inside) return;
    link.inside = false;
    if (link.before === null) head = link.after;
    else link.before.after = link.after;
    if (link.after === null) tail = link.before;
    else link.after.before = link.before;
  };

  return {
    add: (item, order) => {
      let after: Link<Item> | null = null;
      if (tail !== null && tail.order > order) {
        after = head;
        while (after !== null && after.order <= order) after = after.after;
      }
      const before: Link<Item> | null = after === null ? tail : after.before;
      const link: Link<Item> = { item, order, before, after, inside: true };
      if (before === null) head = link;
      else before.after = link;
      if (after === null) tail = link;
      else after.before = link;
      return () => remove(link);
    },
    first: () => head,
    take: () => {
      if (head !== null) remove(head);
    },
  };
}
