/** Work that may be done together, and work that has to be alone, in the order it was asked for. */
export function turns() {
  let last: Promise<unknown> = Promise.resolve();
  let since: Promise<unknown>[] = [];
  const ended = (work: Promise<unknown>) => work.catch(() => undefined); // whoever asked for it hears of its failure
  return {
    together: (work: () => Promise<void>): Promise<void> => {
      const done = last.then(work);
      since.push(ended(done));
      return done;
    },
    alone: (work: () => Promise<void>): Promise<void> => {
      const done = Promise.all([last, ...since]).then(work);
      last = ended(done);
      since = [];
      return done;
    },
  };
}
