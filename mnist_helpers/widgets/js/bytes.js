/** The bytes behind an ArrayBuffer or a view of one, such as a trait of bytes. */
export function bytesOf(buffer) {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}

/** Ask for bytes that the widget has `on_demand`, by name. */
export function ask(model, name) {
  return new Promise((resolve, reject) => {
    const listen = ({ wanted }, [bytes]) => {
      if (wanted !== name) return;
      model.off("msg:custom", listen);
      if (bytes) resolve(bytes);
      else reject(new Error(`the ${name} cannot be loaded`));
    };
    model.on("msg:custom", listen);
    model.send({ wanted: name });
  });
}
