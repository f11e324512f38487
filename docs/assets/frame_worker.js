// Browsers refuse workers to pages that are opened from a folder. There the search's worker runs in a hidden frame.
if (location.protocol === "file:") {
  window.IFrameWorker = window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      window.addEventListener("message", (event) => {
        if (event.source !== inside) return
        const message = new MessageEvent("message", { data: event.data })
        this.dispatchEvent(message)
        if (this.onmessage) this.onmessage(message)
      })
      this.ready = new Promise((resolve) => { this.frame.resolveWorker = resolve })
      inside.document.open()
      inside.document.write(
        `<script>postMessage = (data) => parent.postMessage(data, "*"); importScripts = () => {}</script>` +
        `<script src="${url}" onload="frameElement.resolveWorker()"></script>`
      )
      inside.document.close()
    }
    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
    }
    terminate() {
      this.frame.remove()
    }
  }
}
