import type { NextFunction, Request, RequestHandler, Response } from 'express';

/**
 * Stages as one, which runs them in their order. Express matches a path and makes three closures for each that it is given; those that
 * every request passes need none of that. A stage must not be async: it hands its errors to `next`, or throws in the turn in which it is called.
 */
export function inOrder(...stages: readonly RequestHandler[]): RequestHandler {
  return (req: Request, res: Response, next: NextFunction): void => {
    let index = 0;
    const step = (error?: unknown): void => {
      const stage = stages[index];
      if (error !== undefined || stage === undefined) {
        next(error);
        return;
      }
      index += 1;
      try {
        void stage(req, res, step);
      } catch (cause) {
        next(cause);
      }
    };
    step();
  };
}
