/** Joins what is asked in one turn of the event loop into one question: on its way to a host each takes as long as all. */

interface Waiting<Answer> {
  readonly answer: (answer: Answer) => void;
  readonly fail: (error: unknown) => void;
}

/** Questions are told apart by their text. A question whose signal fires fails; when all have, `ask` is stopped. */
export function batched<Answer>(
  ask: (questions: readonly string[], signal: AbortSignal) => Promise<readonly Answer[]>,
): (question: string, signal?: AbortSignal) => Promise<Answer> {
  let next: Map<string, Waiting<Answer>[]> | undefined;
  let stop = new AbortController();
  const flush = async (waiting: Map<string, Waiting<Answer>[]>, { signal }: AbortController) => {
    const questions = [...waiting.keys()];
    try {
      const answers = await ask(questions, signal);
      questions.forEach((question, index) => {
        for (const { answer } of waiting.get(question)!) answer(answers[index]!); // one for each
      });
    } catch (error) {
      for (const each of waiting.values()) for (const { fail } of each) fail(error);
    }
  };
  return (question, signal) => {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!next) {
      const [waiting, stopping] = [new Map<string, Waiting<Answer>[]>(), new AbortController()];
      [next, stop] = [waiting, stopping];
      setImmediate(() => {
        if (next === waiting) next = undefined;
        void flush(waiting, stopping);
      });
    }
    const [mine, stopping] = [next, stop];
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const waiting = { answer: resolve, fail: reject };
    mine.set(question, [...(mine.get(question) ?? []), waiting]);
    if (!signal) return promise;
    const stopped = () => {
      reject(signal.reason);
      const left = (mine.get(question) ?? []).filter((each) => each !== waiting);
      mine.set(question, left);
      if (![...mine.values()].every(({ length }) => length === 0)) return;
      stopping.abort();
      if (next === mine) next = undefined; // whoever asks next asks for themselves
    };
    signal.addEventListener('abort', stopped, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', stopped));
  };
}
