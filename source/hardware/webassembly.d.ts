// The one part of WebAssembly that is used, without the browser's whole library of types.
declare namespace WebAssembly {
	class Memory {
		constructor(descriptor: {initial: number; maximum?: number});
		readonly buffer: ArrayBuffer;
	}
}
