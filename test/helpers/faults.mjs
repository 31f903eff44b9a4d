// Loaded before the real program by node --import, it has it fail when a signal asks for that.

const fault = new Error('a fault that was asked for');

process.on('SIGUSR2', () => {
	throw fault;
});
process.on('SIGPWR', () => {
	Promise.reject(fault);
});
process.on('SIGURG', () => {
	// The footer sorts its hints: the next frame cannot be drawn.
	Array.prototype.toSorted = () => {
		throw fault;
	};
	// A key, once the signal is handled.
	process.stdin.emit('data', Buffer.from('?'));
});
