import {Box, type DOMElement, Text} from 'ink';
import {memo, useMemo, useRef} from 'react';
import {POLICIES, type Policy} from '../../machine/command.js';
import {useMouseTarget} from '../hooks/use-screen.js';
import {useTheme} from '../hooks/use-theme.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {dispatch} from '../state/dispatch.js';

const EFFECTS: Record<Policy, string> = {
	remove: 'wired pages unmapped',
	keep: 'guest pages stay mapped',
	bounce: 'copies through a buffer',
};

/** All three policies, the one in force marked. */
export const PolicySwitch = memo(function PolicySwitch({label}: {readonly label: string}) {
	const theme = useTheme();
	const policy = useUi(({state}) => state.policy);
	if (policy === undefined) return null;
	return (
		<Box flexShrink={0}>
			<Text {...theme.dim}>{label}</Text>
			{POLICIES.map(each => (
				<Choice key={each} policy={each} chosen={each === policy} />
			))}
		</Box>
	);
});

/** What the policy in force does. */
export const PolicyEffect = memo(function PolicyEffect() {
	const theme = useTheme();
	const policy = useUi(({state}) => state.policy);
	if (policy === undefined) return null;
	return (
		<Box flexShrink={0}>
			<Text {...theme.dim}>{`· ${policy}: ${EFFECTS[policy]} `}</Text>
		</Box>
	);
});

function Choice({policy, chosen}: {readonly policy: Policy; readonly chosen: boolean}) {
	const theme = useTheme();
	const store = useStore();
	const ref = useRef<DOMElement>(null);
	useMouseTarget(
		ref,
		useMemo(() => ({press: () => void dispatch(store, {do: 'policy', policy})}), [store, policy]),
	);
	const tone = policy === 'remove' ? theme.bad : theme.good;
	return (
		<Box ref={ref} flexShrink={0} aria-role="radio" aria-state={{selected: chosen}}>
			<Text aria-label={policy} {...(chosen ? tone : theme.dim)} bold={chosen}>
				{chosen ? `‹${policy}›` : ` ${policy} `}
			</Text>
		</Box>
	);
}
