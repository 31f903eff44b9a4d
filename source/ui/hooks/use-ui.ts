import {createContext, useContext} from 'react';
import {useStore as useZustand} from 'zustand';
import {useShallow} from 'zustand/react/shallow';
import type {Store, Ui} from '../state/store.js';

export const StoreContext = createContext<Store | undefined>(undefined);

export function useStore(): Store {
	const store = useContext(StoreContext);
	if (store === undefined) throw new Error('There is no store above this component.');
	return store;
}

/** What `select` picks of the state; the component renders again only when that is another value. */
export const useUi = <T>(select: (ui: Ui) => T): T => useZustand(useStore(), select);

/** The same for an object of several parts, compared part by part. */
export const useParts = <T extends object>(select: (ui: Ui) => T): T =>
	useZustand(useStore(), useShallow(select));
