"use strict";
// Enlarges pictures; the arrow keys lead from one to the next.
const pictures = [...document.querySelectorAll(".picture")];
const zoom = document.getElementById("zoom");
const large = zoom.querySelector("img");
let at = 0;

function show(number) {
  at = (number + pictures.length) % pictures.length;
  const small = pictures[at].querySelector("img");
  large.src = small.src;
  large.alt = small.alt;
  // Decoded pictures alone know their size.
  large.decode().then(() => large.classList.toggle("small", large.naturalWidth < 200), () => {});
  document.getElementById("zoom-about").textContent = pictures[at].dataset.about;
  if (!zoom.open) zoom.showModal();
}

pictures.forEach((button, number) => button.addEventListener("click", () => show(number)));
document.getElementById("zoom-before").addEventListener("click", () => show(at - 1));
document.getElementById("zoom-next").addEventListener("click", () => show(at + 1));
zoom.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") show(at - 1);
  else if (event.key === "ArrowRight") show(at + 1);
});
zoom.addEventListener("click", (event) => { if (event.target === zoom) zoom.close(); });
zoom.addEventListener("close", () => pictures[at].focus());
