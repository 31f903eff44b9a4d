// The only part of WebAssembly in use here. The browser's type library would bring everything else too.
declare namespace WebAssembly {
	class Memory {
		constructor(descriptor: {initial: number; maximum?: number});
		readonly buffer: ArrayBuffer;
	}
}
