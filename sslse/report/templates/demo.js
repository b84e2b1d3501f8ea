const figures = [...document.querySelectorAll("figure")];
for (const figure of figures) {
  const audio = figure.querySelector("audio"), line = figure.querySelector("i");
  const follow = () => {
    line.style.left = 100 * audio.currentTime / (audio.duration || 1) + "%";
    if (!audio.paused) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", () => {
    for (const other of figures) if (other !== figure) other.querySelector("audio").pause();
    figure.classList.add("playing");
    follow();
  });
  for (const end of ["pause", "ended"]) {
    audio.addEventListener(end, () => figure.classList.remove("playing"));
  }
  figure.querySelector("button").addEventListener("click", event => {
    if (!event.detail) return audio.paused ? audio.play() : audio.pause();  // by key
    const box = event.currentTarget.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    const seek = () => { audio.currentTime = part * audio.duration; };
    if (audio.readyState) seek(); else audio.addEventListener("loadedmetadata", seek, { once: true });
    audio.play();
  });
}
