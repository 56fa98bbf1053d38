"""How an actor is named to people."""

import functools
from typing import Any

from actorio import Actor, ActorSystem
from actorio._cell.naming import class_name, class_of, log_fields, message_type
from actorio.observability import Observatory


class Till(Actor[Any]):
    def receive(self, message: Any) -> None:
        pass


def test_a_class_has_its_module_and_what_has_no_name_has_none() -> None:
    assert class_name(Till) == f"{__name__}.Till"
    assert class_name(functools.partial(Till)) == ""


def test_a_message_is_named_by_its_class_and_a_function_by_itself() -> None:
    assert [message_type(value) for value in ("text", None, Till.receive, class_name)] == [
        *("str", "NoneType", "Till.receive", "class_name"),
    ]


class Proxy:
    """Has nothing behind it, and says so whatever is asked for."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __call__(self) -> None:
        """It can be called, as a lazy function may be."""


async def test_a_message_that_answers_no_question_is_named_by_its_class_and_harms_nobody() -> None:
    assert message_type(Proxy()) == "Proxy"
    async with ActorSystem() as system, Observatory(system, socket=False) as observatory:
        ref = await system.spawn(Till)
        ref.send_nowait(Proxy())
        async with system.inspect(ref).trace(values=True):
            assert [letter.type for letter in system.inspect(ref).peek(values=True)] == ["Proxy"]
            ref.kill()
            await ref.join()
        assert [letter.type for letter in observatory.letters()] == ["Proxy"]


async def test_an_actor_is_named_by_the_class_of_its_last_instance() -> None:
    async with ActorSystem("shop") as system:
        one = await system.spawn(functools.partial(Till), name="one")
        other = await system.spawn(Till, name="other")
        assert class_of(one._cell) == class_of(other._cell) == f"{__name__}.Till"
        assert log_fields(one._cell) == {
            "actor": "/one",
            "actor_class": f"{__name__}.Till",
            "incarnation": 0,
            "system": "shop",
        }
    assert class_of(one._cell) == class_of(other._cell) == f"{__name__}.Till"
