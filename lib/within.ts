/** Whether `done` resolves within `limitMs`. */
export async function isWithin(limitMs: number, done: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  return Promise.race([done.then(() => true), late]).finally(() => clearTimeout(timer));
}
