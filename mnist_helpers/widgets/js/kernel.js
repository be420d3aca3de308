// What the widgets have in common that get from the kernel what they show: a trait `content`, and in it the
// `choices` that it was made for.

/** Whether the kernel has yet to answer the last choice, by a new `content`. */
export function isWaiting(model) {
  return Object.entries(model.get("content").choices).some(([name, value]) => model.get(name) !== value);
}

/** Show a widget: draw it now and at each change. Returns the clean-up function. */
export function showWidget({ model, el }, root, draw) {
  const update = () => {
    draw();
    root.ariaBusy = String(isWaiting(model));
  };
  el.append(root);
  model.on("change", update);
  update();
  return () => {
    model.off("change", update);
    root.remove();
  };
}

export const KERNEL_STYLE = `
.mnist-widget[aria-busy=true]::after { content: "waiting for the kernel"; opacity: 0; animation: appear 0s 2s forwards; }
@keyframes appear { to { opacity: 1; } }
`;
