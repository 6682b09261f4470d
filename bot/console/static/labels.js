// Marking by keyboard: a letter ticks, Enter hands in, - skips, u takes the last one back.
document.addEventListener("keydown", (event) => {
  const form = document.getElementById("marks");
  const busy = event.target.closest("input:not([type=checkbox]), select, textarea, dialog");
  if (event.ctrlKey || event.metaKey || event.altKey || busy) return;
  if (event.key === "u") {
    document.querySelector('form[action="/labels/undo"] button')?.click();
    return;
  }
  const control = form && [...form.querySelectorAll("[data-marks]")].find((one) => one.dataset.marks === event.key);
  if (!control || (event.key === "Enter" && event.target.closest("button, a"))) return;
  event.preventDefault();
  // So that "h" or "s" here is no way to another page.
  event.stopImmediatePropagation();
  control.click();
}, true);
