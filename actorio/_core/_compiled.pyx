# cython: language_level=3, auto_pickle=False, wraparound=False, initializedcheck=False, nonecheck=True
# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""The hottest classes with fields in C. Each stands in pure Python too, under its name, where `@accelerated` is.

What is here does what the pure form does, in the same order; read that first. Slow ways are not here: they are methods of
the Python classes built on these, called by name. `bind` is told what lies in the layers above.

Rules that keep it safe:

- A field of a C type may be None (the collector empties objects that it takes apart), so `nonecheck` is on.
- Nothing is cast to a C type before a look at what it is. That goes for `self` too, which may be anything where a method
  is called by its class: CPython looks in a method of its own kind, and not in one of Cython's, which `binding` makes.
- Whatever holds an object holds it in a field or a list that the collector sees.
- Making a list or dropping a reference may run other code, of a finaliser, which may use the very ring at hand.
"""

import asyncio
import sys
import warnings
from asyncio.tasks import _enter_task, _leave_task, current_task
from collections.abc import Coroutine
from contextvars import Context

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF

cdef extern from *:
    """
    #ifndef ACTORIO_SOURCE
    #define ACTORIO_SOURCE ""
    #endif

    /* A traceback has the handler's frames, and none of the code that stepped it: those tell a user nothing. */
    static inline void actorio_traceback(PyFrameObject *frame) {
        PyObject *type, *value, *traceback;
        int is_bare;
        PyErr_Fetch(&type, &value, &traceback);
        is_bare = traceback == NULL; /* Cython's `except` counts on one */
        PyErr_Restore(type, value, traceback);
        if (is_bare) PyTraceBack_Here(frame);
    }
    #define PyTraceBack_Here(frame) actorio_traceback(frame)

    /* The contextvars of who calls; NULL when no context was ever entered or set. Looking is free, a copy is not. */
    static inline PyObject *actorio_context(void) { return PyThreadState_GET()->context; }

    /* One step of a coroutine: 0 it has returned the value, 1 it awaits the value, -1 it has raised (and NULL). */
    static inline PyObject *actorio_step(PyObject *coroutine, int *status) {
        PyObject *value = NULL;
        *status = (int)PyIter_Send(coroutine, Py_None, &value);
        return value;
    }

    static inline int actorio_is_awaitable(PyObject *value) {
        PyAsyncMethods *methods = Py_TYPE(value)->tp_as_async;
        return methods != NULL && methods->am_await != NULL;
    }

    /* Raise StopIteration with a value as it is, also when that is a tuple or an exception. */
    static inline int actorio_stop(PyObject *value) {
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, value);
        if (stop != NULL) { PyErr_SetObject(PyExc_StopIteration, stop); Py_DECREF(stop); }
        return -1;
    }

    #ifdef Py_GIL_DISABLED
    #error "the compiled core has no locks of its own: it needs the GIL"
    #endif

    static inline PyObject *actorio_new(PyObject *type, PyObject *nothing) {
        return ((PyTypeObject *)type)->tp_new((PyTypeObject *)type, nothing, NULL);
    }
    """
    const char *ACTORIO_SOURCE
    PyObject *actorio_context()
    PyObject *actorio_step(object coroutine, int *status) except NULL
    bint actorio_is_awaitable(object value)
    int actorio_stop(object value) except -1
    object actorio_new(object type, object nothing)

cdef extern from "Python.h":
    int PyContext_Enter(object) except -1
    int PyContext_Exit(object) except -1
    object PyContext_CopyCurrent()
    unsigned long PyThread_get_thread_ident()
    object PyObject_CallOneArg(object, object)
    Py_ssize_t PyObject_Size(object) except -1
    bint PyCoro_CheckExact(object)
    int PySet_Contains(object, object) except -1
    PyObject *PyList_GET_ITEM(list, Py_ssize_t)
    Py_ssize_t PyList_GET_SIZE(list)
    void PyList_SET_ITEM(list, Py_ssize_t, PyObject *)

DIGEST = (<bytes>ACTORIO_SOURCE).decode()  # of the sources that this was made of

cdef enum:
    QUEUED = 0
    RUNNING = 1
    DEFERRED = 2
    ANSWERED = 3
    FAILED = 4
    WITHDRAWN = 5

cdef enum:
    RING = 2  # of an entry of `deadlines`; all these numbers are shown as `NUMBERS` below
    MOST_WAKES = 256
    CLOCK_EVERY = 8
    BUDGET = 8
    FEWEST_PLACES = 4
    MOST_SPARE_PLACES = 512

cdef double LONGEST_TURN = 0.001
NUMBERS = {  # for the test that compares them with those of the pure form
    "QUEUED": QUEUED,
    "RUNNING": RUNNING,
    "DEFERRED": DEFERRED,
    "ANSWERED": ANSWERED,
    "FAILED": FAILED,
    "WITHDRAWN": WITHDRAWN,
    "RING": RING,
    "MOST_WAKES": MOST_WAKES,
    "CLOCK_EVERY": CLOCK_EVERY,
    "BUDGET": BUDGET,
    "LONGEST_TURN": LONGEST_TURN,
}
cdef bint EAGER = sys.version_info >= (3, 12)  # a task may take its first step inside of another one's
cdef tuple NOTHING = ()
cdef object Future = asyncio.Future
cdef object running_loop = asyncio._get_running_loop

cdef object NO_MESSAGE, ENVELOPES, Request, Call, Parcel, Cast, Cell, ActorRef, Sent
cdef object DONE, ENVELOPE, IN_SENDERS, IN_OWN
cdef object LONGEST, WrongThreadError, UnhandledMessageError
cdef object answer_by_error, awaiting, check_duration, forgotten_await, is_of_this_message
NO_MESSAGE = ENVELOPES = Request = Call = Parcel = Cast = Cell = ActorRef = Sent = None
DONE = ENVELOPE = IN_SENDERS = IN_OWN = None
LONGEST = WrongThreadError = UnhandledMessageError = None
answer_by_error = awaiting = check_duration = forgotten_await = is_of_this_message = None


def bind(**names):
    """Take what lies in the layers above, by name, as those are imported."""
    global NO_MESSAGE, ENVELOPES, Request, Call, Parcel, Cast, Cell, ActorRef, Sent, DONE, ENVELOPE, IN_SENDERS, IN_OWN
    global LONGEST, WrongThreadError, UnhandledMessageError, answer_by_error, awaiting
    global check_duration, forgotten_await, is_of_this_message
    NO_MESSAGE = names.pop("NO_MESSAGE", NO_MESSAGE)
    ENVELOPES = names.pop("ENVELOPES", ENVELOPES)
    Request = names.pop("Request", Request)
    Call = names.pop("Call", Call)
    Parcel = names.pop("Parcel", Parcel)
    Cast = names.pop("Cast", Cast)
    Cell = names.pop("Cell", Cell)
    ActorRef = names.pop("ActorRef", ActorRef)
    Sent = names.pop("Sent", Sent)
    DONE = names.pop("DONE", DONE)
    ENVELOPE = names.pop("ENVELOPE", ENVELOPE)
    IN_SENDERS = names.pop("IN_SENDERS", IN_SENDERS)
    IN_OWN = names.pop("IN_OWN", IN_OWN)
    LONGEST = names.pop("LONGEST", LONGEST)
    WrongThreadError = names.pop("WrongThreadError", WrongThreadError)
    UnhandledMessageError = names.pop("UnhandledMessageError", UnhandledMessageError)
    answer_by_error = names.pop("answer_by_error", answer_by_error)
    awaiting = names.pop("awaiting", awaiting)
    check_duration = names.pop("check_duration", check_duration)
    forgotten_await = names.pop("forgotten_await", forgotten_await)
    is_of_this_message = names.pop("is_of_this_message", is_of_this_message)
    if names:
        raise TypeError(f"not known here: {sorted(names)}")


# -- a deque ---------------------------------------------------------------------------------------

@cython.final
@cython.no_gc_clear  # its list has no holes then; that one the collector does empty
cdef class Ring:
    """A deque, as the run queue and a mailbox use one: a list as a ring, of a power of two places."""

    cdef list _places
    cdef Py_ssize_t _head, _count, _mask

    def __cinit__(self):
        self._places = [None] * FEWEST_PLACES
        self._mask = FEWEST_PLACES - 1

    def __init__(self, items=()):
        self.extend(items)

    def __len__(self):
        return self._count

    def __iter__(self):
        return iter(ring_list(self))

    def __reversed__(self):
        return reversed(ring_list(self))

    def __getitem__(self, Py_ssize_t index):
        return self._places[ring_place(self, index)]

    def __delitem__(self, Py_ssize_t index):
        cdef list items = ring_list(self)
        ring_place(self, index)
        del items[index if index >= 0 else index + self._count]
        self.clear()
        self.extend(items)

    def __repr__(self):
        return f"Ring({ring_list(self)!r})"

    def append(self, item, /):
        ring_push(self, item)

    def appendleft(self, item, /):
        ring_push_left(self, item)

    def extend(self, items, /):
        for item in items:
            ring_push(self, item)

    def extendleft(self, items, /):
        for item in items:
            ring_push_left(self, item)

    def popleft(self):
        if not self._count:
            raise IndexError("pop from an empty deque")
        return ring_pop(self)

    def clear(self):
        ring_clear(self, [None] * FEWEST_PLACES)


cdef Py_ssize_t ring_place(Ring ring, Py_ssize_t index) except -1:
    if index < 0:
        index += ring._count
    if not 0 <= index < ring._count:
        raise IndexError("deque index out of range")
    return (ring._head + index) & ring._mask


cdef list ring_list(Ring ring):
    cdef Py_ssize_t index
    cdef list items = []
    if PyList_GET_SIZE(ring._places) > ring._mask:
        for index in range(ring._count):
            items.append(ring._places[(ring._head + index) & ring._mask])
    return items


cdef int ring_clear(Ring ring, list places) except -1:
    """Take new places in use, of a power of two. The items go last: what that runs finds the ring empty."""
    cdef list old = ring._places
    ring._places = places
    ring._mask = PyList_GET_SIZE(places) - 1
    ring._head = ring._count = 0
    return 0


cdef int ring_grow(Ring ring) except -1:
    """Make room for one more; also in a ring whose list the collector has emptied, where nothing is left."""
    cdef Py_ssize_t index, size = FEWEST_PLACES
    cdef list places
    cdef PyObject *item
    if PyList_GET_SIZE(ring._places) > ring._mask:
        size = 2 * (ring._mask + 1)
    places = [None] * size  # which may run a finaliser, and that may push: so all is looked at once more
    if PyList_GET_SIZE(ring._places) <= ring._mask:
        return ring_clear(ring, places)
    if ring._count <= ring._mask:
        return 0
    if size <= ring._count:
        return ring_grow(ring)
    for index in range(ring._count):
        item = PyList_GET_ITEM(ring._places, (ring._head + index) & ring._mask)
        Py_INCREF(<object>item)
        PyList_SET_ITEM(places, index, item)
    ring._places = places  # the old list goes, and its items have another reference each
    ring._head = 0
    ring._mask = size - 1
    return 0


# An empty place holds None, which is neither counted down when it is taken nor up when it is put back: a list that dies
# with items in it leaves None counted too often, by so many, which hurts nobody. The size is looked at since the collector
# empties a list that it takes apart.
cdef inline int ring_push(Ring ring, object item) except -1:
    if ring._count > ring._mask or PyList_GET_SIZE(ring._places) <= ring._mask:
        ring_grow(ring)
    Py_INCREF(item)
    PyList_SET_ITEM(ring._places, (ring._head + ring._count) & ring._mask, <PyObject *>item)
    ring._count += 1
    return 0


cdef int ring_push_left(Ring ring, object item) except -1:
    if ring._count > ring._mask or PyList_GET_SIZE(ring._places) <= ring._mask:
        ring_grow(ring)
    Py_INCREF(item)
    ring._head = (ring._head - 1) & ring._mask
    PyList_SET_ITEM(ring._places, ring._head, <PyObject *>item)
    ring._count += 1
    return 0


cdef inline object ring_pop(Ring ring):
    cdef PyObject *place
    if PyList_GET_SIZE(ring._places) <= ring._mask:
        ring.clear()
        raise IndexError("pop from an empty deque")
    place = PyList_GET_ITEM(ring._places, ring._head)
    PyList_SET_ITEM(ring._places, ring._head, <PyObject *>None)
    ring._head = (ring._head + 1) & ring._mask
    ring._count -= 1
    item = <object>place  # which counts it up
    Py_DECREF(item)
    if not ring._count and ring._mask >= MOST_SPARE_PLACES:
        ring_shrink(ring)
    return item


cdef int ring_shrink(Ring ring) except -1:
    cdef list places = [None] * FEWEST_PLACES  # which may run a finaliser, and that may push
    if not ring._count:
        ring_clear(ring, places)
    return 0


# -- the run queue ---------------------------------------------------------------------------------

cdef class Waiter
cdef class CellCore
cdef class MailboxCore
cdef class TurnsCore


cdef class RunQueueCore:
    cdef public object loop, choose, current, woken, sent, _context, _limited
    cdef public Ring ready
    cdef public double deadline
    cdef public bint scheduled, spent

    def __init__(self, loop):
        self.loop = loop
        self.ready = Ring()
        self.choose = None
        self.current = None
        self.deadline = 0.0
        self.spent = False
        self.scheduled = False
        self.woken = Future(loop=loop)
        self.woken.set_result(None)
        self._limited = []
        self.sent = Sent(loop=loop)
        self.sent.set_result(None)
        self._context = Context()

    def limit(self, limited):
        queue_limit(self, limited)

    def schedule(self):
        queue_schedule(self)

    def check_loop(self):
        queue_check_loop(self)

    def _run(self):
        if self.choose is not None:
            return self._run_chosen(self.choose)
        if getattr(self.loop, "_nest_patched", False):
            return self._run_nested()
        queue_pass(self)

    def _pass(self):
        queue_pass(self)


cdef int queue_limit(RunQueueCore queue, object limited) except -1:
    cdef AskCore ask
    if not queue.scheduled:
        queue_schedule(queue)
    if isinstance(limited, AskCore):
        ask = <AskCore>limited
        ask.deadline = <double>queue.loop.time() + <double>ask.timeout
    else:
        limited.deadline = queue.loop.time() + limited.timeout
    queue._limited.append(limited)
    return 0


cdef int queue_schedule(RunQueueCore queue) except -1:
    if not queue.scheduled:
        queue_check_loop(queue)
        queue.loop.call_soon(queue._run, context=queue._context)
        queue.scheduled = True
    return 0


cdef int queue_check_loop(RunQueueCore queue) except -1:
    running = running_loop()
    if running is not queue.loop and (running is not None or queue.loop.is_closed()):
        raise WrongThreadError("the actor system belongs to another event loop than the one running here")
    return 0


cdef int queue_pass(RunQueueCore queue) except -1:
    cdef Ring ready = queue.ready
    cdef Waiter waiter = None
    cdef object callback = None, seen = None
    cdef object woken = queue.woken
    cdef object clock = queue.loop.time
    cdef int left = MOST_WAKES
    queue.deadline = <double>clock() + LONGEST_TURN
    queue.spent = False
    try:
        while ready._count and left:
            waiter = <Waiter?>ring_pop(ready)
            callback = waiter.callback
            if callback is not None:
                if waiter.turns is None or waiter.seen is not woken or not take_in_place(waiter.turns):
                    waiter.callback = None
                    seen = waiter.seen
                    if seen is not woken:
                        waiter.seen = woken
                    wake_task(waiter.variables, callback, seen)
            left -= 1
            if queue.spent or (not left % CLOCK_EVERY and <double>clock() >= queue.deadline):
                break
    except KeyboardInterrupt:  # of a Ctrl-C, which may come out where the task is called
        if waiter is not None and callback is not None:
            queue._put_back(waiter, callback, woken if seen is None else seen)
        raise
    finally:  # also when a woken task raises SystemExit or KeyboardInterrupt through the loop
        queue.scheduled = False
        if queue._limited:
            queue._set_alarms()
        if ready._count:
            queue_schedule(queue)
    return 0


cdef inline bint take_in_place(object turns) except -1:
    if isinstance(turns, TurnsCore):
        return turns_take(<TurnsCore>turns)
    return turns.take()


cdef inline int wake_task(object variables, object callback, object seen) except -1:
    PyContext_Enter(variables)
    try:
        PyObject_CallOneArg(callback, seen)
    finally:
        PyContext_Exit(variables)
    return 0


cdef inline int make_ready(RunQueueCore queue, Waiter waiter) except -1:
    if not queue.scheduled:
        queue_schedule(queue)
    return ring_push(queue.ready, waiter)


cdef class Waiter:
    cdef public object _loop, callback, variables, seen, turns
    cdef public RunQueueCore run_queue
    cdef public bint _asyncio_future_blocking

    def __init__(self, RunQueueCore run_queue not None):
        self.seen = run_queue.woken
        self._loop = run_queue.loop
        self.callback = None
        self.run_queue = run_queue
        self._asyncio_future_blocking = False

    def wake(self):
        make_ready(self.run_queue, self)

    def __await__(self):
        self._asyncio_future_blocking = True
        return iter((self,))

    @property
    def owner(self):
        return None

    def add_done_callback(self, callback, *, context):
        self.callback = callback
        self.variables = context

    def cancel(self, msg=None):
        if self.callback is None or self.seen.cancelled():
            return False
        self.show_cancelled(msg)
        self.wake()
        return True

    def show_cancelled(self, msg):
        self.seen = Future(loop=self._loop)
        self.seen.cancel(msg)


# -- what lies in a mailbox ------------------------------------------------------------------------

cdef inline object contextvars_here():
    """Return a copy of the contextvars of who calls, None when they are empty."""
    cdef PyObject *context = actorio_context()
    if context == NULL or not PyObject_Size(<object>context):
        return None
    return PyContext_CopyCurrent()


cdef class ParcelCore:
    cdef public object message, sender
    cdef public int state

    def __init__(self, message, sender):
        self.message = message
        self.sender = sender
        self.state = QUEUED


cdef inline object packed(object message):
    """Return what goes into a mailbox for a plain message: a parcel, where its sender has contextvars."""
    cdef object sender = contextvars_here()
    cdef ParcelCore parcel
    if sender is None:
        return message
    parcel = <ParcelCore?>actorio_new(Parcel, NOTHING)
    parcel.message = message
    parcel.sender = sender
    parcel.state = QUEUED
    return parcel


cdef class AskCore(Waiter):
    cdef public object alarm, asker, cell, error, message, sender, value, timeout
    cdef public double deadline
    cdef public int state

    def __init__(self, cell, message):
        ask_setup(self, cell, cell.run_queue, message)

    def __await__(self):
        return iter((self,))

    def wake(self):
        make_ready(self.run_queue, self)

    def reply(self, value):
        ask_reply(self, value)


cdef int ask_setup(AskCore ask, object cell, RunQueueCore run_queue, object message) except -1:
    ask._loop = run_queue.loop
    ask._asyncio_future_blocking = True
    ask.seen = run_queue.woken
    ask.run_queue = run_queue
    ask.callback = None
    ask.cell = cell
    ask.message = message
    ask.sender = contextvars_here()
    ask.state = QUEUED
    ask.asker = None
    ask.alarm = None
    return 0


cdef int ask_reply(AskCore ask, object value) except -1:
    cdef object cell, alarm, asker, observers
    if ask.state >= ANSWERED:
        return 0
    if PyCoro_CheckExact(value) or type(value) is Asking:
        ask.fail(forgotten_await(ask.cell.path, value))
        return 0
    ask.value = value
    cell = ask.cell
    observers = (<CellCore>cell).observers if isinstance(cell, CellCore) else cell.observers
    if observers.answered is not None:
        ask._end(ANSWERED)
        return 0
    alarm = ask.alarm
    if alarm is not None:
        ask.alarm = None
        alarm[RING] = None
    ask.state = ANSWERED
    asker = ask.asker
    if asker is not None:
        ask.asker = None
        set_waits_on(asker, None)
    return make_ready(ask.run_queue, ask)


cdef inline int set_waits_on(object asker, object cell) except -1:
    if isinstance(asker, CellCore):
        (<CellCore>asker).waits_on = cell
    else:
        asker.waits_on = cell
    return 0


# -- the mailbox, the ref and the cell -------------------------------------------------------------

cdef class MailboxCore:
    cdef public object capacity, items, overflow, sleeper, waiting
    cdef public long long _room, dead, limit, peak  # of 64 bits everywhere: a room without bound is 1 << 62
    cdef public bint closed, observed


cdef class CellCore(Waiter):
    cdef public object envelope, instance, message, observers, task, waits_on
    cdef public MailboxCore mailbox
    cdef public long long handled
    cdef public bint urgent


cdef inline bint store(MailboxCore mailbox, object item) except -1:
    """Put an item straight in; False where that cannot be done. Only a mailbox of the usual kind has a Ring."""
    cdef object items = mailbox.items, sleeper
    if type(items) is Ring:
        if (<Ring>items)._count >= mailbox.limit:
            return False
        if mailbox.sleeper is not None:
            wake_sleeper(mailbox)
        ring_push(<Ring>items, item)
        return True
    if PyObject_Size(items) >= mailbox.limit:
        return False
    sleeper = (<object>mailbox).sleeper
    if sleeper is not None:
        sleeper.wake()
        (<object>mailbox).sleeper = None
    items.append(item)
    return True


cdef int wake_sleeper(MailboxCore mailbox) except -1:
    cdef object sleeper = mailbox.sleeper
    if isinstance(sleeper, CellCore) and (<CellCore>sleeper).task is not None:
        make_ready((<CellCore>sleeper).run_queue, <CellCore>sleeper)
    else:
        sleeper.wake()
    mailbox.sleeper = None
    return 0


cdef class RefCore:
    cdef public object _cell, _sent
    cdef public MailboxCore _mailbox
    cdef public long long _thread

    # These are the ref's own methods, with what a function has, so they look at `self` themselves: see above.

    @cython.binding(True)
    def send(self, message):
        check_ref(self)
        if <long long>PyThread_get_thread_ident() == self._thread and store(self._mailbox, packed(message)):
            return self._sent
        return self._send_item(self._packed(message))

    @cython.binding(True)
    def send_nowait(self, message):
        check_ref(self)
        if <long long>PyThread_get_thread_ident() == self._thread and store(self._mailbox, packed(message)):
            return
        self._send_nowait(message)

    @cython.binding(True)
    def ask(self, message, *, timeout=None):
        check_ref(self)
        cdef Asking asking = Asking.__new__(Asking)
        asking.ref = self
        asking.message = message
        asking.timeout = timeout
        return asking


cdef inline int check_ref(object ref) except -1:
    if not isinstance(ref, RefCore):
        raise TypeError(f"a method of a ref was called on one of {type(ref).__name__}")
    return 0


cdef AskCore ask_begun(RefCore ref, object message, object timeout):
    """Send an ask: what the coroutine of the pure form does up to its await."""
    cdef object cell = ref._cell
    cdef RunQueueCore run_queue
    cdef AskCore ask
    cdef CellCore target = None
    if <long long>PyThread_get_thread_ident() != ref._thread:
        ref._check_thread()
    if isinstance(cell, CellCore):
        target = <CellCore>cell
        run_queue = target.run_queue
    else:
        run_queue = cell.run_queue
    ask = <AskCore?>actorio_new(Request, NOTHING)
    ask_setup(ask, cell, run_queue, message)
    if timeout is not None and not (type(timeout) is float and 0.0 <= timeout < LONGEST):
        timeout = check_duration("timeout", timeout)
    if run_queue.current is not None:
        note_asker(ref, ask, target, run_queue.current)
    if timeout is not None:
        ask.timeout = timeout
        queue_limit(run_queue, ask)
    if not store(ref._mailbox, ask):
        ref._queue(ask)
    return ask


cdef int note_asker(RefCore ref, AskCore ask, CellCore target, object asker) except -1:
    """The usual case is written out: an actor asks one that waits for nobody. The ref has the others, and pools."""
    if (target is None or type(asker) is not Cell or asker is target or target.waits_on is not None
            or type(ref) is not ActorRef or (EAGER and (<CellCore>asker).task is not current_task())):
        ref._note_asker(ask)
        return 0
    (<CellCore>asker).waits_on = target
    ask.asker = asker
    return 0


cdef enum:
    NEW = 0
    WAITS = 1
    OVER = 2


@cython.final
cdef class Asking:
    """What `ask` returns: a coroutine in all but its type, begun at its first step.

    Without a free list: one that is used again would be taken for finalised already, and warn of nothing.
    """

    cdef RefCore ref
    cdef AskCore request
    cdef object message, timeout
    cdef int stage

    def __await__(self):
        if self.stage == OVER:
            raise RuntimeError("cannot reuse already awaited coroutine")
        if self.stage == WAITS:
            raise RuntimeError("coroutine is being awaited already")
        return self

    def __iter__(self):
        return self

    def __next__(self):
        cdef AskCore request
        if self.stage == NEW:
            self.stage = OVER
            message, self.message = self.message, None
            request = ask_begun(self.ref, message, self.timeout)
            if request.state < ANSWERED:
                self.request = request
                self.stage = WAITS
                return request
        elif self.stage == WAITS:
            self.stage = OVER
            request, self.request = self.request, None
            if request.state < ANSWERED:  # nobody has woken it: it was stepped by hand
                error = RuntimeError("await wasn't used with future")
                request.left(error)
                raise error
        else:
            raise RuntimeError("cannot reuse already awaited coroutine")
        value = request.value if request.state == ANSWERED else request.outcome()
        if value is None:
            raise StopIteration
        actorio_stop(value)

    def send(self, value):
        if value is not None and self.stage == NEW:
            raise TypeError("can't send non-None value to a just-started coroutine")
        return self.__next__()

    def throw(self, kind, value=None, traceback=None):
        if self.stage == OVER:
            raise RuntimeError("cannot reuse already awaited coroutine")
        error = kind if isinstance(kind, BaseException) else value
        if not isinstance(error, BaseException):
            error = kind() if error is None else kind(error)
        if traceback is not None:
            error = error.with_traceback(traceback)
        self._leave(error)
        raise error

    def close(self):
        self._leave(GeneratorExit())

    def _leave(self, error):
        cdef AskCore request = self.request
        self.request = None
        self.message = None
        self.stage = OVER
        if request is not None:
            request.left(error)

    def __del__(self):
        if self.stage == NEW:
            warnings.warn("coroutine 'ActorRef.ask' was never awaited", RuntimeWarning)
        elif self.stage == WAITS:
            self.close()

    def __repr__(self):
        return f"<ask of {self.ref.path}>"

    @property
    def cr_await(self):
        return self.request

    @property
    def cr_running(self):
        return False

    @property
    def cr_suspended(self):
        return self.stage == WAITS

    @property
    def cr_origin(self):
        return None

    @property
    def cr_frame(self):
        return None

    @property
    def cr_code(self):
        return None

    @property
    def __name__(self):
        return "ask"

    @property
    def __qualname__(self):
        return "ActorRef.ask"


Coroutine.register(Asking)


# -- the turns of an actor -------------------------------------------------------------------------

cdef enum:
    AT_SHARE = 0  # the next messages are to be taken
    AT_MESSAGE = 1  # the handler of a plain message awaits
    AT_ENVELOPE = 2  # that of an ask, a call, a cast or a parcel awaits
    AT_SENDERS = 3  # it is now stepped in the contextvars of its sender
    AT_END = 4  # others have done what had to be done: the message is over


@cython.final
cdef class TakeTurns:
    """The generator `take_turns` of the pure form, as a state machine."""

    cdef CellCore cell
    cdef MailboxCore mailbox
    cdef object own, receive, item, coroutine, plain
    cdef bint is_async, tells, is_running
    cdef int at, left, shares

    def __init__(self, CellCore cell not None, own):
        self.cell = cell
        self.own = own

    def __iter__(self):
        return self

    def __next__(self):
        return turns_step(self, None)

    def send(self, value):
        return turns_step(self, None)

    def throw(self, error):
        return turns_step(self, error)


cdef object turns_step(TakeTurns turns, object error):
    if turns.is_running:
        raise ValueError("generator already executing")
    turns.is_running = True
    try:
        return turns_go_on(turns, error)
    except StopIteration as stop:
        raise RuntimeError("generator raised StopIteration") from stop
    finally:
        turns.is_running = False


cdef object turns_go_on(TakeTurns turns, object error):
    cdef int at = turns.at
    cdef object signal = DONE
    turns.at = AT_SHARE
    if at == AT_MESSAGE or at == AT_ENVELOPE:
        signal = go_on_with_handler(turns, at, error)
    elif error is not None:
        raise error
    elif at == AT_SENDERS:
        signal = handle_envelope(turns)
    elif at == AT_SHARE:
        return take_share(turns)
    if signal is not DONE:
        return signal
    finish(turns)
    return take_rest(turns)


cdef int turns_begin(TakeTurns turns) except -1:
    """Look at how the actor is now, in the first step, as a generator does: not when it is made."""
    cdef CellCore cell = turns.cell
    turns.mailbox = cell.mailbox
    turns.is_async = (<object>cell).hooks.receives_async
    turns.tells = cell.observers.turns
    turns.receive = cell.instance.receive
    return 0


cdef object take_share(TakeTurns turns):
    if turns.receive is None:
        turns_begin(turns)
    begin_share(turns)
    turns.shares = BUDGET
    return take_rest(turns)


cdef int begin_share(TakeTurns turns) except -1:
    cdef MailboxCore mailbox = turns.mailbox
    cdef Py_ssize_t count = PyObject_Size(mailbox.items)
    if count > mailbox.peak:
        mailbox.peak = count
    turns.left = CLOCK_EVERY
    return 0


cdef bint is_over(TakeTurns turns) except -1:
    """Tell whether the budget or the time is spent; begin with the next messages if neither is."""
    cdef RunQueueCore run_queue
    if turns.left:
        return False
    if not turns.shares:  # something has stayed in its contextvars
        return True
    run_queue = turns.cell.run_queue
    if <double>run_queue.loop.time() >= run_queue.deadline:
        run_queue.spent = True
        return True
    turns.shares -= 1
    if not turns.shares:
        return True
    begin_share(turns)
    return False


cdef object take_rest(TakeTurns turns):
    cdef CellCore cell = turns.cell
    cdef MailboxCore mailbox = turns.mailbox
    cdef object items, item, kind, signal
    while not cell.urgent and not is_over(turns):
        items = mailbox.items
        if type(items) is Ring:
            if not (<Ring>items)._count:
                break
            item = ring_pop(<Ring>items)
        elif items:
            item = items.popleft()
        else:
            break
        turns.left -= 1
        turns.item = item
        if mailbox.waiting is not None:
            (<object>mailbox).admit()
        if turns.tells and (tell := cell.observers.begun) is not None:
            tell(cell, item)
        kind = type(item)
        if kind is turns.plain or not PySet_Contains(ENVELOPES, kind):
            turns.plain = kind
            cell.message = item
            signal = handle_message(turns, item)
        elif begins(item, kind):
            cell.envelope = item
            cell.message = message_of(item)
            if sender_of(item) is not None:
                turns.at = AT_SENDERS
                return IN_SENDERS
            signal = handle_envelope(turns)
        else:
            cell.message = item
            turns.at = AT_END
            return ENVELOPE
        if signal is not DONE:
            return signal
        finish(turns)
    turns.item = None
    cell.message = NO_MESSAGE
    return DONE


cdef inline bint begins(object item, object kind) except -1:
    """Begin an envelope that is handled here; False for those of other kinds, and those that nobody waits for."""
    if kind is Request or kind is Call:
        if (<AskCore>item).state != QUEUED:
            return False
        (<AskCore>item).state = RUNNING
        return True
    if kind is Parcel or kind is Cast:
        if (<ParcelCore>item).state != QUEUED:
            return False
        (<ParcelCore>item).state = RUNNING
        return True
    return False


cdef inline object message_of(object item):
    return (<AskCore>item).message if isinstance(item, AskCore) else (<ParcelCore?>item).message


cdef inline object sender_of(object item):
    return (<AskCore>item).sender if isinstance(item, AskCore) else (<ParcelCore?>item).sender


cdef int finish(TakeTurns turns) except -1:
    cdef CellCore cell = turns.cell
    if turns.tells and (tell := cell.observers.ended) is not None:
        tell(cell, turns.item)
    cell.handled += 1
    if PyObject_Size(turns.own):
        turns.left = turns.shares = 0
    return 0


cdef object handle_message(TakeTurns turns, object message):
    """Hand a plain message over: DONE, or what its handler awaits."""
    cdef object value
    cdef int status
    try:
        value = PyObject_CallOneArg(turns.receive, message)
        if turns.is_async:
            if not PyCoro_CheckExact(value):
                value = iter(value)
        elif value is not None and actorio_is_awaitable(value):
            value = awaiting(value)
        else:
            return DONE
        return step_handler(turns, value, AT_MESSAGE, None, &status)
    except UnhandledMessageError as error:
        unhandled(turns, message, error)
        return DONE


cdef int unhandled(TakeTurns turns, object message, object error) except -1:
    if not is_of_this_message(error):
        raise error
    (<object>turns.cell).unhandled(message)
    return 0


cdef object step_handler(TakeTurns turns, object coroutine, int at, object error, int *status):
    """Step a handler: what it awaits, with a status of 1; once it has returned the value, which is DONE for a message."""
    cdef object value
    cdef PyObject *found
    turns.coroutine = None
    if error is None:
        found = actorio_step(coroutine, status)
        value = <object>found
        Py_DECREF(value)
    else:
        try:
            value = coroutine.throw(error)
            status[0] = 1
        except StopIteration as stop:
            value = stop.value
            status[0] = 0
    if status[0]:
        turns.coroutine = coroutine
        turns.at = at
        return value
    return DONE if at == AT_MESSAGE else value


cdef object handle_envelope(TakeTurns turns):
    """Run the envelope in hand, and answer: DONE, or what its handler awaits, or IN_OWN when it was in its sender's."""
    cdef object item = turns.item, value
    cdef CellCore cell = turns.cell
    cdef int status = 0
    try:
        if type(item) is Request:
            value = PyObject_CallOneArg(turns.receive, (<AskCore>item).message)
        elif type(item) is Parcel:
            value = PyObject_CallOneArg(turns.receive, (<ParcelCore>item).message)
        else:
            value = (<object>cell).call(item)
        if PyCoro_CheckExact(value):
            value = step_handler(turns, value, AT_ENVELOPE, None, &status)
        elif value is not None and actorio_is_awaitable(value):
            value = step_handler(turns, awaiting(value), AT_ENVELOPE, None, &status)
    except BaseException as error:
        return envelope_failed(turns, item, error)
    return value if status else envelope_answered(turns, item, value)


cdef object envelope_answered(TakeTurns turns, object item, object value):
    turns.cell.envelope = None
    if isinstance(item, AskCore):
        if (<AskCore>item).state == RUNNING:
            ask_reply(<AskCore>item, value)
    elif (<ParcelCore>item).state == RUNNING:
        (<ParcelCore>item).state = ANSWERED
    return envelope_over(turns, item)


cdef object envelope_failed(TakeTurns turns, object item, object error):
    turns.cell.envelope = None
    if not answer_by_error(turns.cell, item, error):
        raise error
    return envelope_over(turns, item)


cdef object envelope_over(TakeTurns turns, object item):
    if sender_of(item) is None:
        return DONE
    turns.at = AT_END
    return IN_OWN


cdef object go_on_with_handler(TakeTurns turns, int at, object error):
    """Step the handler that has awaited something."""
    cdef object item = turns.item, value, coroutine = turns.coroutine
    cdef int status = 0
    if at == AT_MESSAGE:
        try:
            return step_handler(turns, coroutine, at, error, &status)
        except UnhandledMessageError as raised:
            unhandled(turns, item, raised)
            return DONE
    try:
        value = step_handler(turns, coroutine, at, error, &status)
    except BaseException as raised:
        return envelope_failed(turns, item, raised)
    return value if status else envelope_answered(turns, item, value)


cdef class TurnsCore:
    cdef public object awaited, context, error, own, steps, work
    cdef public CellCore cell

    def take(self):
        return turns_take(self)


cdef bint turns_take(TurnsCore turns) except -1:
    cdef CellCore cell = turns.cell
    cdef MailboxCore mailbox = cell.mailbox
    cdef RunQueueCore run_queue = cell.run_queue
    cdef object loop = run_queue.loop, task = cell.task, signal
    cdef int shares
    if cell.urgent:
        return False
    _enter_task(loop, task)
    run_queue.current = cell
    try:
        for shares in range(BUDGET):
            signal = steps_in(turns.own, turns.steps)
            if signal is IN_SENDERS:  # the usual way of a message with contextvars: there and back
                signal = advance(turns)
            if signal is not DONE and (signal := turns.advance(signal)) is not DONE:
                turns.awaited = signal
                return False
            if not PyObject_Size(turns.own):
                break
            turns.renew()
            if cell.urgent or not has_items(mailbox):
                break
            if <double>loop.time() >= run_queue.deadline:
                run_queue.spent = True
                break
    except BaseException as error:
        turns.error = error  # the task raises it
        return False
    finally:
        run_queue.current = None
        _leave_task(loop, task)
    if has_items(mailbox):
        make_ready(run_queue, cell)
    elif cell.urgent or mailbox.closed:
        return False
    else:
        (<object>mailbox).sleeper = cell
    return True


cdef object advance(TurnsCore turns):
    """Go on after IN_SENDERS, in the contextvars of the senders, until there is something else to do."""
    cdef object signal = IN_SENDERS
    while True:
        if signal is IN_SENDERS:
            turns.context = sender_of(turns.cell.envelope)
        elif signal is IN_OWN:
            turns.context = turns.own
        else:
            return signal
        signal = steps_in(turns.context, turns.steps)


cdef inline object steps_in(object context, object steps):
    """Step the turns in a context."""
    PyContext_Enter(context)
    try:
        return turns_step(<TakeTurns?>steps, None)
    finally:
        PyContext_Exit(context)


cdef inline bint has_items(MailboxCore mailbox) except -1:
    cdef object items = mailbox.items
    return (<Ring>items)._count > 0 if type(items) is Ring else bool(items)
