"use strict";
(() => {
  const main = document.querySelector("main");
  const note = document.getElementById("connection");
  let source = null;
  let over = false;
  let again = 0;

  // Its parts come in their order; of one that is there no more the text is empty.
  const replace = (parts, isWhole) => {
    let before = null;
    for (const [id, html] of Object.entries(parts)) {
      const old = document.getElementById(id);
      if (!html) {
        old?.remove();
        continue;
      }
      const made = document.createElement("template");
      made.innerHTML = html;
      const fresh = made.content.firstElementChild;
      const unfolded = old?.querySelectorAll("details") ?? [];
      fresh.querySelectorAll("details").forEach((one, i) => { one.open = unfolded[i]?.open ?? one.open; });
      if (old) old.replaceWith(fresh);
      else if (before) before.after(fresh);
      else main.append(fresh);
      before = fresh;
    }
    if (!isWhole) return;
    for (const one of main.querySelectorAll(":scope > section")) {
      if (!Object.hasOwn(parts, one.id)) one.remove();  // of a server before this one
    }
  };

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(again);
  };

  const open = () => {
    if (source || over || document.hidden) return;
    source = new EventSource("/events");
    let isFirst = true;  // which holds all of the page
    source.onopen = () => { note.textContent = ""; isFirst = true; };
    source.onmessage = (event) => {
      replace(JSON.parse(event.data), isFirst);
      isFirst = false;
      const title = document.querySelector("h1");
      if (title) document.title = title.textContent;
      document.dispatchEvent(new Event("page:replaced"));
    };
    source.addEventListener("over", () => {
      over = true;
      close();
      note.textContent = "The run has ended.";
    });
    source.onerror = () => {
      note.textContent = "Connection lost, trying again …";
      if (source.readyState === EventSource.CLOSED) {  // an answer that is no stream: it gives up
        close();
        again = setTimeout(open, 3000);
      }
    };
  };

  // A browser has six connections to a server: tabs that nobody sees leave theirs to others.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
})();
