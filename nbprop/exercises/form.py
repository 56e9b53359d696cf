"""What a page shows of a prediction: a field or buttons, Commit, and a line of words."""

import html
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"


class Form:
    """The widgets of one prediction. ipywidgets is loaded when the first is made."""

    def __init__(self, prediction: Any) -> None:
        import ipywidgets as widgets

        self.prediction = prediction
        self._wrong = ""  # what could not be understood
        flow = widgets.Layout(width="auto")
        style = {"description_width": "auto"}
        if prediction.choices is None:
            self.field: Any = widgets.Text(
                description="Your guess", placeholder="such as 1e-3, 1/4 or 10 %", style=style, layout={"width": "20em"}
            )
            self.field.on_msg(self._entered)
        else:
            self.field = widgets.RadioButtons(
                options=prediction.choices, index=None, description="Your guess", style=style, layout=flow
            )
        self.button = widgets.Button(layout={"width": "auto", "min_width": "6em"})
        self.button.on_click(lambda _: self._pressed())
        self.words = widgets.HTML(layout=flow)
        unit = [widgets.Label(prediction.unit)] if prediction.unit else []
        row = widgets.Layout(flex_flow="row wrap", align_items="center", grid_gap="0 12px")
        self.row = widgets.HBox([self.field, *unit, self.button, self.words], layout=row)
        self.question = widgets.HTMLMath(f"<b>Predict.</b> {html.escape(prediction.question)}", layout=flow)
        self.whole = widgets.VBox([self.question, self.row])

    def bundle(self, question) -> dict[str, Any]:
        """What is to be published, with the question or without."""
        made: Any = (self.whole if question else self.row)._repr_mimebundle_()
        return {WIDGET: made[WIDGET]}

    def show(self) -> None:
        """Let the page show how it stands."""
        prediction = self.prediction
        committed, revealed = prediction.value is not None, prediction._verdict is not None
        self.field.disabled = committed or revealed
        if committed:
            self.field.value = prediction._said(bare=True)
        self.button.description = "Change" if committed else "Commit"
        self.button.disabled = revealed
        self.button.button_style = "" if committed or revealed else "primary"
        words = prediction._verdict or self._wrong
        if committed and not revealed:
            words = f"Committed: {prediction._said()}. Now run the next cells."
        self.words.value = f'<span role="status">{html.escape(words)}</span>' if words else ""

    def close(self) -> None:
        """Take it off the page. Layouts and styles are widgets too, which would stay in the kernel."""
        for each in (self.whole, self.row, self.question, *self.row.children):
            for part in (each.layout, getattr(each, "style", None), each):
                if part is not None:
                    part.close()

    def _entered(self, _, content, buffers):
        """Enter in the field."""
        if content.get("event") == "submit" and self.prediction.value is None:
            self._pressed()

    def _pressed(self):
        self._wrong = ""
        try:
            if self.prediction.value is not None:
                self.prediction.take_back()
            elif self.field.value in (None, ""):
                self._wrong = "Choose one first." if self.prediction.choices else "Write a number first."
            else:
                self.prediction.commit(self.field.value)
        except (TypeError, ValueError) as error:
            self._wrong = str(error)
        self.show()
