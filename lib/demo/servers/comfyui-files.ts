/** How ComfyUI names a file. `subfolder` may be empty. */
export interface FileName {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}

/** Its folders. */
const TYPES: ReadonlySet<string> = new Set(['output', 'input', 'temp']);

/** The files of ComfyUI, in memory. */
export class ComfyFiles {
  readonly #files = new Map<string, () => Buffer>();
  /** The last number of each prefix. */
  readonly #numbers = new Map<string, number>();

  /** Saves what a node makes under the next free number of its prefix, which may have a folder before it. */
  save(type: string, prefix: string, make: () => Buffer): FileName {
    const slash = prefix.lastIndexOf('/');
    const [subfolder, stem] = [prefix.slice(0, Math.max(0, slash)), prefix.slice(slash + 1)];
    const key = keyOf({ filename: stem, subfolder, type });
    const number = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, number);
    const name = { filename: `${stem}_${String(number).padStart(5, '0')}_.png`, subfolder, type };
    this.#files.set(keyOf(name), make);
    return name;
  }

  /** Keeps an upload. Another file of that name stays unless `overwrite`: the new one gets a number behind its name. */
  upload(wanted: FileName, bytes: Buffer, overwrite: boolean): FileName {
    const dot = wanted.filename.lastIndexOf('.');
    const [stem, ending] = dot < 0 ? [wanted.filename, ''] : [wanted.filename.slice(0, dot), wanted.filename.slice(dot)];
    for (let number = 0; ; number++) {
      const name = { ...wanted, filename: number === 0 ? wanted.filename : `${stem} (${number})${ending}` };
      const there = overwrite ? undefined : this.read(name);
      if (there !== undefined && !there.equals(bytes)) continue;
      this.#files.set(keyOf(name), () => bytes);
      return name;
    }
  }

  read(name: FileName): Buffer | undefined {
    return this.#files.get(keyOf(name))?.();
  }
}

/** Whether a name stays within one of the folders. */
export function isOwnName({ filename, subfolder, type }: FileName): boolean {
  return TYPES.has(type) && filename !== '' && ![filename, subfolder].some((part) => part.startsWith('/') || part.includes('..'));
}

function keyOf({ filename, subfolder, type }: FileName): string {
  return `${type}/${subfolder}/${filename}`;
}
