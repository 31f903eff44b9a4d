// What is on the screen now, for keys and the mouse: each list with how far it reaches, each target with its place.

import {type DOMElement, measureElement} from 'ink';
import {createContext, type RefObject, useContext, useLayoutEffect} from 'react';
import type {ListSize} from '../state/list.js';

/** A list that arrows move in. `text` is a row as `y` copies it. */
export type ListHandle = ListSize & {text: (index: number) => string};
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
	const {lists} = useContext(ScreenContext);
	useLayoutEffect(() => {
		lists.set(name, handle);
		return () => {
			if (lists.get(name) === handle) lists.delete(name);
		};
	}, [lists, name, handle]);
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
