// Groups of versions of one sound (players.html): one of them is chosen; the others play on from the same moment.
const groups = new Set();
let lastUsed = null;

function makePlayers(group) {
  const clips = [...group.querySelectorAll(".clip")].map(item => ({
    item, audio: item.querySelector("audio"), picture: item.querySelector(".picture"),
    button: item.querySelector(".choose"),
  }));
  const name = group.getAttribute("aria-label");
  const stage = document.createElement("div");
  stage.className = "stage";
  stage.innerHTML = '<div class="frame"><span class="now"></span></div><div class="transport">'
    + '<button type="button">Play</button><input type="range" min="0" max="1" step="0.001" value="0">'
    + "<output></output></div>";
  const frame = stage.querySelector(".frame"), now = stage.querySelector(".now");
  const button = stage.querySelector("button"), slider = stage.querySelector("input");
  const output = stage.querySelector("output");
  button.setAttribute("aria-label", "play " + name);
  slider.setAttribute("aria-label", "position in " + name);
  const player = { group, clips, chosen: 0, position: 0 };  // position in seconds
  const audio = () => clips[player.chosen].audio;
  const seconds = () => audio().duration || 0;

  function draw() {
    const part = seconds() ? Math.min(1, player.position / seconds()) : 0;
    now.style.left = 100 * part + "%";
    slider.value = part;
    output.value = player.position.toFixed(2) + " / " + seconds().toFixed(2) + " s";
    slider.setAttribute("aria-valuetext", output.value);
    const playing = !audio().paused;
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-label", (playing ? "pause " : "play ") + name);
  }
  function follow() {
    if (audio().paused) return draw();
    player.position = audio().currentTime;
    draw();
    requestAnimationFrame(follow);
  }
  player.pause = () => { audio().pause(); draw(); };
  player.play = () => {
    for (const other of groups) if (other !== player) other.pause();
    lastUsed = player;
    if (seconds() && player.position >= seconds() - 0.01) player.position = 0;
    audio().currentTime = player.position;
    const started = audio().play();
    if (started) started.then(follow, draw);  // a browser may refuse to play
  };
  player.seek = position => {
    player.position = Math.max(0, Math.min(position, seconds()));
    audio().currentTime = player.position;
    draw();
  };
  player.choose = number => {
    if (!audio().paused) player.position = audio().currentTime;
    audio().pause();
    player.chosen = number;
    clips.forEach((clip, place) => {
      for (const part of [clip.item, clip.picture]) part.classList.toggle("chosen", place === number);
      clip.button.setAttribute("aria-pressed", place === number);
    });
    draw();
  };
  clips.forEach((clip, place) => {
    frame.insertBefore(clip.picture, now);
    clip.audio.controls = false;
    clip.item.querySelector(".file").href = clip.audio.src;  // not twice in the page
    clip.button.addEventListener("click", () => { player.choose(place); player.play(); });
    clip.audio.addEventListener("loadedmetadata", () => place === player.chosen && draw());
    clip.audio.addEventListener("ended", () => { player.position = 0; draw(); });
    clip.picture.addEventListener("click", event => {
      const box = event.currentTarget.getBoundingClientRect();
      player.position = (event.clientX - box.left) / box.width * seconds();
      player.play();
    });
  });
  button.addEventListener("click", () => audio().paused ? player.play() : player.pause());
  slider.addEventListener("input", () => player.seek(slider.value * seconds()));
  group.addEventListener("pointerenter", () => { lastUsed = player; });
  group.addEventListener("focusin", () => { lastUsed = player; });
  group.prepend(stage);
  group.classList.add("live");
  groups.add(player);
  player.choose(0);
  return player;
}

// The group that the keys are for: the last one that was used, else the first that is on the screen.
function keyGroup() {
  const onScreen = player => {
    const box = player.group.getBoundingClientRect();
    return box.height > 0 && box.bottom > 0 && box.top < innerHeight;
  };
  for (const player of groups) if (!player.group.isConnected) groups.delete(player);
  if (lastUsed && groups.has(lastUsed) && onScreen(lastUsed)) return lastUsed;
  return [...groups].find(onScreen);
}

document.addEventListener("keydown", event => {
  const typing = event.target.matches("select, textarea, input:not([type=range]):not([type=checkbox])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const player = keyGroup();
  if (player && event.key === "Escape") return player.pause();
  const number = "1234567890".indexOf(event.key);
  if (player && number >= 0 && number < player.clips.length) {
    player.choose(number);
    player.play();
  }
});

document.querySelectorAll(".players").forEach(makePlayers);
