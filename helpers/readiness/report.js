"use strict";
// Searches and filters the items. The page is whole without it.
(() => {
  const bar = document.querySelector("search.filter"), find = bar.querySelector("#find"), only = bar.querySelector("#only"), count = bar.querySelector("output");
  const items = [...document.querySelectorAll(".item")].map(node => ({node, text: node.textContent.toLowerCase()}));
  const show = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const {node, text} of items) {
      node.hidden = (only.value && node.dataset.state !== only.value) || !words.every(word => text.includes(word));
      if (!node.hidden) shown++;
    }
    for (const part of document.querySelectorAll("section.part")) part.hidden = !part.querySelector(".item:not([hidden])");
    count.textContent = find.value || only.value ? `${shown} of ${items.length} items` : "";
  };
  // An old report says so: its pages cannot know when they are looked at.
  const began = document.querySelector("time"), age = document.querySelector(".age");
  const days = Math.floor((Date.now() - new Date(began.dateTime)) / 86400000);
  if (days > 0) { age.textContent = ` · ${days} day${days > 1 ? "s" : ""} ago`; age.hidden = false; }
  find.addEventListener("input", show);
  only.addEventListener("change", show);
  bar.hidden = false;
})();
