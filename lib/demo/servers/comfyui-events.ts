import type { ComfyuiQuirks } from './comfyui-quirks.ts';
import type { ComfySockets } from './comfyui-socket.ts';

/** One of the messages that the history keeps of a prompt. */
export type Message = readonly [event: string, data: Readonly<Record<string, unknown>>];

/** Whose prompt it is. */
export interface Owner {
  readonly promptId: string;
  /** null: nobody listens to it. */
  readonly clientId: string | null;
}

/** What a prompt tells the world while it runs. */
export class PromptEvents {
  readonly messages: Message[] = [];
  readonly #sockets: ComfySockets;
  readonly #owner: Owner;
  readonly #quirks: ComfyuiQuirks;

  constructor(sockets: ComfySockets, owner: Owner, quirks: ComfyuiQuirks) {
    this.#sockets = sockets;
    this.#owner = owner;
    this.#quirks = quirks;
  }

  /** A message that the history keeps. Without an owner only an interruption is heard, by everybody. */
  tell(event: string, data: Readonly<Record<string, unknown>> = {}): void {
    const stamped = { prompt_id: this.#owner.promptId, timestamp: Date.now(), ...data };
    this.messages.push([event, stamped]);
    if (event === 'execution_interrupted') this.#sockets.send(event, stamped, this.#owner.clientId);
    else this.#toOwner(event, stamped);
  }

  /** `node` null: the prompt has ended. */
  executing(node: string | null): void {
    const where = node === null ? { node } : { node, display_node: node };
    this.#toOwner('executing', { ...where, prompt_id: this.#owner.promptId });
  }

  executed(node: string, output: unknown): void {
    this.#toOwner('executed', { node, display_node: node, output, prompt_id: this.#owner.promptId });
  }

  /** A sampler step has been made; `png` is how the image looks by now. */
  progress(step: { readonly value: number; readonly max: number; readonly node: string }, png: () => Buffer): void {
    const { clientId, promptId } = this.#owner;
    if (clientId === null && !this.#quirks.progress_to_all) return;
    this.#sockets.send('progress', { ...step, prompt_id: promptId }, clientId);
    if (this.#quirks.previews) this.#sockets.preview(png, clientId);
  }

  #toOwner(event: string, data: unknown): void {
    if (this.#owner.clientId !== null) this.#sockets.send(event, data, this.#owner.clientId);
  }
}
