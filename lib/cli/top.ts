import type { DaemonAddress } from './client.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { Screen, USUAL_SIZE } from './screen.ts';
import { CaughtSignals, exitCodeOf } from './signals.ts';
import type { Terminal } from './terminal.ts';
import { TopFeed } from './top-feed.ts';
import type { Picture } from './top-picture.ts';
import { renderTop, type Frame } from './top-view.ts';

export interface TopOptions extends DaemonAddress {
  readonly ascii: boolean;
  /** One picture, and the end. */
  readonly once: boolean;
}

/** Durations go on. ms. */
const TICK_MS = 1000;
/** A picture that does not have to fit is as long as it needs. Lines. */
const ANY_HEIGHT = 200;

/** Shows a daemon live, until q or a signal ends it. Returns the exit code. */
export async function top(options: TopOptions, terminal: Terminal): Promise<number> {
  const screen = new Screen();
  if (!options.once && !screen.isThere) {
    terminal.err('error: top needs a terminal; --once shows one picture without, and `mgpumanager status --watch` goes on and on\n');
    return EXIT.usage;
  }
  const session = new TopSession(options, terminal, screen);
  try {
    return await session.run();
  } finally {
    session.end();
  }
}

class TopSession {
  readonly #options: TopOptions;
  readonly #terminal: Terminal;
  readonly #screen: Screen;
  readonly #signals = new CaughtSignals();
  readonly #feed: TopFeed;
  readonly #ended = Promise.withResolvers<number>();
  #ticker: NodeJS.Timeout | undefined;
  /** What is shown while the picture is held; null: it is not. */
  #held: { readonly picture: Picture; readonly now: Date } | null = null;
  #showsHelp = false;

  constructor(options: TopOptions, terminal: Terminal, screen: Screen) {
    this.#options = options;
    this.#terminal = terminal;
    this.#screen = screen;
    const { url, key } = options;
    this.#feed = new TopFeed({ url, key }, () => this.#changed());
  }

  async run(): Promise<number> {
    const failure = await this.#feed.look();
    if (failure !== null) return reportFailure(failure, this.#terminal);
    if (this.#options.once) {
      await this.#feed.recall();
      return this.#showOnce();
    }
    this.#signals.start();
    this.#signals.tell((signal) => this.#ended.resolve(exitCodeOf(signal)));
    this.#screen.open({ key: (key) => this.#pressed(key), resized: () => this.#draw(), hungUp: () => this.#ended.resolve(EXIT.failed) });
    this.#ticker = setInterval(() => this.#changed(), TICK_MS);
    this.#feed.start();
    this.#draw();
    return this.#ended.promise;
  }

  end(): void {
    clearInterval(this.#ticker);
    this.#feed.stop();
    this.#screen.close();
    this.#signals.stop();
  }

  #showOnce(): number {
    const frame = this.#frame({ width: this.#terminal.width ?? USUAL_SIZE.width, height: ANY_HEIGHT });
    // The last line is about keys.
    this.#terminal.out(`${renderTop(this.#feed.picture, frame).slice(0, -1).join('\n')}\n`);
    return EXIT.fine;
  }

  #pressed(key: string): void {
    if (key === 'q' || key === 'Q') return this.#ended.resolve(EXIT.fine);
    // Ctrl-C, which is no signal here.
    if (key === '\u0003') return this.#ended.resolve(exitCodeOf('SIGINT'));
    if (key === 'p' || key === ' ') this.#held = this.#held === null ? { picture: this.#feed.picture, now: this.#terminal.now() } : null;
    else if (key === 'h' || key === '?') this.#showsHelp = !this.#showsHelp;
    else return;
    this.#draw();
  }

  #changed(): void {
    if (this.#held === null && this.#screen.isOpen) this.#draw();
  }

  #draw(): void {
    this.#screen.draw(renderTop(this.#held?.picture ?? this.#feed.picture, this.#frame({ width: this.#screen.width, height: this.#screen.height })));
  }

  #frame(size: Pick<Frame, 'width' | 'height'>): Frame {
    const { ascii, url } = this.#options;
    return { ...size, ascii, color: this.#terminal.color, now: this.#held?.now ?? this.#terminal.now(), url, isHeld: this.#held !== null, showsHelp: this.#showsHelp };
  }
}
