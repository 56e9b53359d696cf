"""A hand on a page: it turns and presses as the browser says it, and sees what frames say."""


class Hand:
    """Opens a page with a board that has a desk."""

    def __init__(self, board, page="hand"):
        self.board, self.page = board, page
        self.number = 0
        self.state, self.told, self.heads = {}, {}, []
        send = board.send
        board.send = lambda content, buffers=None: (self._take(content), send(content, buffers))[1]
        panels = range(len(board.views) + 1)
        self.say("mount", page=True, panels=list(panels))

    def say(self, kind, **content):
        self.board._receive(self.board, {"type": kind, "view": self.page, **content}, [])

    def turn(self, name, value):
        """Returns the number of the turn."""
        self.number += 1
        self.say("turn", name=name, value=value, number=self.number)
        return self.number

    def press(self, name, chosen=None):
        """chosen: the number of what is chosen of its list."""
        self.number += 1
        self.say("do", name=name, number=self.number, **({} if chosen is None else {"chosen": chosen}))

    def _take(self, head):
        if head.get("type") != "frame":
            return
        self.heads.append(head)
        desk = head["desk"]
        self.state.update(desk["state"])
        self.told.update({name: value for name, value in desk.items() if name != "state"})
        self.say("ack", seq=head["seq"])

    def shows(self, name):
        """The value that a control shows, or its words."""
        state = self.state[name]
        return state["value"] if state["value"] is not None else state["words"]

    @property
    def message(self):
        return self.told["message"]

    @property
    def taken(self):
        return self.told["taken"].get(self.page, 0)
