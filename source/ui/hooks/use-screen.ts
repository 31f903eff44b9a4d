// What is on the screen now, for keys and the mouse: each list with how far it reaches, each target with its place.

import {type DOMElement, measureElement} from 'ink';
import {createContext, type RefObject, useContext, useLayoutEffect, useSyncExternalStore} from 'react';
import type {ListSize} from '../state/list.js';
import {useUi} from './use-ui.js';

/** A list that arrows move in. */
export type ListHandle = ListSize & {
	/** A row as `y` copies it. */
	text: (index: number) => string;
	/** Opens a row; undefined if Enter does nothing here. */
	enter?: (index: number) => void;
};
/** The memory map, which arrows move in by cells. */
export type GridHandle = {move: (right: number, down: number) => void};
/** `x` and `y` count from the target's own corner. */
export type MouseHandler = {
	press?: (x: number, y: number) => void;
	wheel?: (by: 1 | -1) => void;
};
type Target = MouseHandler & {ref: RefObject<DOMElement | null>};

export class Screen {
	readonly lists = new Map<string, ListHandle>();
	readonly grids = new Map<string, GridHandle>();
	readonly targets = new Set<Target>();
	private readonly watchers = new Set<() => void>();

	/** Calls back whenever a list comes, changes or goes. @returns how to stop that */
	readonly watch = (watcher: () => void): (() => void) => {
		this.watchers.add(watcher);
		return () => void this.watchers.delete(watcher);
	};

	setList(name: string, handle: ListHandle | undefined): void {
		if (handle) this.lists.set(name, handle);
		else this.lists.delete(name);
		for (const watcher of this.watchers) watcher();
	}

	/** Hands an event to the smallest target under it that takes events of its kind. */
	point(x: number, y: number, kind: 'press' | 'up' | 'down'): void {
		const hits = [...this.targets].flatMap(target => {
			const element = target.ref.current;
			if (element === null || (kind === 'press' ? target.press : target.wheel) === undefined) return [];
			const box = measureElement(element);
			const inside = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
			return inside ? [{target, box}] : [];
		});
		hits.sort((a, b) => a.box.width * a.box.height - b.box.width * b.box.height);
		const [hit] = hits;
		if (hit === undefined) return;
		if (kind === 'press') hit.target.press?.(x - hit.box.x, y - hit.box.y);
		else hit.target.wheel?.(kind === 'up' ? -1 : 1);
	}
}

export const ScreenContext = createContext(new Screen());

/** Registers a list for as long as it is on the screen. */
export function useListHandle(name: string, handle: ListHandle): void {
	const screen = useContext(ScreenContext);
	useLayoutEffect(() => screen.setList(name, handle), [screen, name, handle]);
	useLayoutEffect(() => () => screen.setList(name, undefined), [screen, name]);
}

/** Whether Enter opens something in the list that has the focus. */
export function useOpens(): boolean {
	const screen = useContext(ScreenContext);
	const name = useUi(({overlay, focus}) => overlay ?? focus);
	return useSyncExternalStore(screen.watch, () => screen.lists.get(name)?.enter !== undefined);
}

export function useGridHandle(name: string, handle: GridHandle): void {
	const {grids} = useContext(ScreenContext);
	useLayoutEffect(() => {
		grids.set(name, handle);
		return () => {
			if (grids.get(name) === handle) grids.delete(name);
		};
	}, [grids, name, handle]);
}

/** Has the mouse reach an element. */
export function useMouseTarget(ref: RefObject<DOMElement | null>, handler: MouseHandler): void {
	const {targets} = useContext(ScreenContext);
	useLayoutEffect(() => {
		const target = {...handler, ref};
		targets.add(target);
		return () => void targets.delete(target);
	}, [targets, ref, handler]);
}
