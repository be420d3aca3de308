/*
 * Puts widgets that need no kernel into the page: each into an element <div data-live="name">, once it comes into
 * view, or at once if it has data-now. When the page is idle, it loads what a place names in data-prefetch. It calls a
 * widget's view as JupyterLab does, with a model that lives in the page.
 *
 * It works from a server, under any path, and from disk. There a page may load scripts, but neither modules nor
 * data; so all comes as scripts, live/name.js, which put a value into globalThis.live[name].
 */
(() => {
  const folder = new URL("live/", document.currentScript.src);

  const loaded = {}; // a page may have a widget, its view or its data twice
  function load(name) {
    loaded[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(`${name}.js`, folder);
      script.onload = () => resolve(globalThis.live[name]);
      script.onerror = () => {
        delete loaded[name]; // it may be asked for again
        reject(new Error(`${script.src} cannot be loaded`));
      };
      document.head.append(script);
    });
    return loaded[name];
  }

  /** Unpack what JSON cannot hold: bytes, written as { zlib: "…" }. A view asks for those that are only named. */
  async function revive(value) {
    if (value === null || typeof value !== "object") return value;
    if (typeof value.zlib === "string") return inflate(value.zlib);
    if (Array.isArray(value)) return Promise.all(value.map(revive));
    const values = await Promise.all(Object.values(value).map(revive));
    return Object.fromEntries(Object.keys(value).map((key, i) => [key, values[i]]));
  }

  async function inflate(text) {
    const packed = await fetch(`data:;base64,${text}`); // decodes it off the main thread
    const stream = packed.body.pipeThrough(new DecompressionStream("deflate"));
    return new DataView(await new Response(stream).arrayBuffer());
  }

  /** A model as anywidget gives it to a view. */
  function createModel(view, state) {
    const listeners = {};
    const emit = (event, ...values) => [...listeners[event] ?? []].forEach((listener) => listener(...values));
    return {
      get: (name) => state[name],
      set(name, value) {
        if (state[name] === value) return;
        state[name] = value;
        emit(`change:${name}`);
        emit("change");
      },
      save_changes() {},
      /** Give the view what it asks for, by its name or its SHA-256; without the bytes if they cannot be loaded. */
      async send({ wanted, sha256 }) {
        const name = sha256 ? `data/${sha256}` : `views/${view}/${wanted}`;
        const found = await load(name).then(inflate).then((bytes) => [bytes], () => []);
        emit("msg:custom", { wanted, sha256 }, found);
      },
      on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
      off: (event, listener) => listeners[event]?.delete(listener),
    };
  }

  async function start(place) {
    place.dataset.state = "loading";
    place.textContent = "The widget is being loaded.";
    try {
      const { view, state } = await load(place.dataset.live);
      const source = new Blob([await load(`views/${view}`)], { type: "text/javascript" });
      const { default: widget } = await import(URL.createObjectURL(source));
      const { initialize, render } = typeof widget === "function" ? widget() : widget;
      const model = createModel(view, await revive(state));
      await initialize?.({ model });
      place.textContent = "";
      await render({ model, el: place.attachShadow({ mode: "open" }) }); // out of reach of the page's styles
      place.dataset.state = "ready";
    } catch (error) {
      place.textContent = `The widget could not be started (${error.message}).`;
      place.dataset.state = "failed";
    }
  }

  for (const place of document.querySelectorAll("[data-now]")) start(place);

  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      start(target);
    }
  });
  addEventListener("load", () => {
    // Only now does everything stand where it belongs, and what is in view is what the reader sees.
    for (const place of document.querySelectorAll("[data-live]:not([data-now])")) watch.observe(place);
    const whenIdle = globalThis.requestIdleCallback ?? setTimeout;
    if (!navigator.connection?.saveData) whenIdle(prefetch);
  });

  function prefetch() {
    for (const place of document.querySelectorAll("[data-prefetch]")) {
      for (const name of place.dataset.prefetch.split(" ")) load(name).catch(() => {}); // may be tried again
    }
  }
})();
