// When the screen is drawn: after changes of the store, but no more often than the eye follows; whole, when the
// terminal has another size or was somebody else's meanwhile. While nothing changes nothing runs.

import {Painter} from './painter.js';
import {screenLines} from './screen.js';
import {resize, type Store} from './state/store.js';

/** What of process.stdout is needed. */
type Terminal = {
	readonly columns?: number;
	readonly rows?: number;
	write: (data: string) => unknown;
	on: (event: 'resize', listener: () => void) => unknown;
	off: (event: 'resize', listener: () => void) => unknown;
};

const FRAMES_A_SECOND = 15;
/** A terminal that does not say how large it is. */
const USUAL = {columns: 80, rows: 24};

export class Display {
	readonly #store: Store;
	readonly #terminal: Terminal;
	readonly #painter: Painter;
	/** Set while a frame is due. */
	#timer: NodeJS.Timeout | undefined;
	#last = Number.NEGATIVE_INFINITY;
	#fail: (error: unknown) => void = () => {};
	#unsubscribe: (() => void) | undefined;

	constructor(store: Store, terminal: Terminal) {
		this.#store = store;
		this.#terminal = terminal;
		this.#painter = new Painter(data => void terminal.write(data));
	}

	/** Draws from now on, the whole screen first; `fail` is told of what a panel throws. */
	start(fail: (error: unknown) => void): void {
		this.#fail = fail;
		this.#terminal.on('resize', this.#resized);
		this.#unsubscribe = this.#store.subscribe(this.#changed);
		this.#resized();
	}

	/** From now on the terminal is somebody else's. */
	stop(): void {
		this.#terminal.off('resize', this.#resized);
		this.#unsubscribe?.();
		clearTimeout(this.#timer);
		this.#timer = undefined;
	}

	/**
	 * Before the screen is left: of one that was resized meanwhile, tmux brings back its last rows among those that were
	 * there before, unless they are empty.
	 */
	clear(): void {
		this.#painter.clear();
	}

	/** Draws the whole screen anew: a kernel's messages, say, come on top of it on a console. */
	redraw(): void {
		this.#painter.forget();
		this.#changed();
	}

	/** Draws the frame that is due now. */
	flush(): void {
		if (this.#timer === undefined) return;
		clearTimeout(this.#timer);
		this.#draw();
	}

	/** Whatever one key press or one tick changes is one frame. */
	readonly #changed = (): void => {
		const wait = this.#last + 1000 / FRAMES_A_SECOND - performance.now();
		this.#timer ??= setTimeout(this.#draw, Math.max(0, wait));
	};

	readonly #resized = (): void => {
		this.#painter.forget();
		resize(this.#store, this.#terminal.columns || USUAL.columns, this.#terminal.rows || USUAL.rows);
		this.#changed();
	};

	readonly #draw = (): void => {
		this.#timer = undefined;
		this.#last = performance.now();
		try {
			this.#painter.paint(screenLines(this.#store.getState()));
		} catch (error) {
			this.#fail(error);
		}
	};
}
