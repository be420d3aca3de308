/*
 * Puts the widgets that need no kernel into the page: each into an element <div data-live="name">, once it
 * comes into view. It works from a server, under any path, and from disk. There a page may load scripts, but
 * neither modules nor data; so each widget comes as a script, live/name.js, that carries its module as text.
 */
(() => {
  const folder = new URL("live/", document.currentScript.src);

  const loaded = {}; // a page may have a widget twice
  function load(name) {
    loaded[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(`${name}.js`, folder);
      script.onload = () => resolve(globalThis.liveWidgets[name]);
      script.onerror = () => reject(new Error(`${script.src} cannot be loaded`));
      document.head.append(script);
    });
    return loaded[name];
  }

  /** What JSON cannot hold: bytes, written as { base64: "…" }. */
  function revive(key, value) {
    if (typeof value?.base64 !== "string") return value;
    return new DataView(Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0)).buffer);
  }

  async function start(place) {
    place.dataset.state = "loading";
    place.textContent = "The widget is being loaded.";
    try {
      const { module, data } = await load(place.dataset.live);
      const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
      const { mount } = await import(address);
      place.textContent = "";
      mount(place.attachShadow({ mode: "open" }), JSON.parse(data, revive)); // out of reach of the page's styles
      place.dataset.state = "ready";
    } catch (error) {
      place.textContent = `The widget could not be started (${error.message}).`;
      place.dataset.state = "failed";
    }
  }

  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      start(target);
    }
  });
  addEventListener("load", () => {
    // Only now does everything stand where it belongs, and what is in view is what the reader sees.
    for (const place of document.querySelectorAll("[data-live]")) watch.observe(place);
  });
})();
