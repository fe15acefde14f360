//! The stacks that guests run on. A caller's may be small, and a guest is allowed a certain depth whoever calls it.
//!
//! An instance that is entered gets a stack of its own. Its host functions run on the stack of who has entered it; when they enter
//! it once more, the guest goes on below where it has left. So its limit, which the engine sets when an instance is entered from
//! outside, holds for all of it.

use crate::{Error, Result};
use alloc::{format, vec::Vec};
use core::cell::RefCell;
use corosensei::stack::{DefaultStack, STACK_ALIGNMENT, Stack, StackPointer};
use corosensei::{Coroutine, CoroutineResult, Yielder};

/// What the engine's own functions may use below the guest's limit: growing memories, telling what a trap was.
pub(super) const BELOW_LIMIT: usize = 256 << 10;
/// More than what lies on a guest's stack between a host function that leaves it and the switch.
const LEAVING: usize = 4 << 10;
/// How many idle stacks a thread keeps.
const KEPT: usize = 4;

std::thread_local! {
    static IDLE: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// Where an instance is that has been entered: who waits for it, and what is left of its stack.
#[derive(Clone, Copy)]
pub(super) struct Place {
    outside: *const Yielder<(), ()>,
    limit: StackPointer,
    /// Where the guest has left; nothing before it has.
    free: Option<StackPointer>,
}

// SAFETY: an instance is used by one thread at a time, and moves to another only when it is not entered: then it has no place.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Place {
    /// Runs `f` on the stack of who has entered the instance. `left` notes where the guest is meanwhile.
    ///
    /// # Safety
    /// Only from the guest's stack, which this place is of.
    pub unsafe fn outside<R>(self, left: impl FnOnce(Place), f: impl FnOnce() -> R) -> R {
        let here = 0u8;
        let free = (&raw const here as usize - LEAVING) / STACK_ALIGNMENT * STACK_ALIGNMENT;
        left(Place { free: StackPointer::new(free), ..self });
        let f = OfThisThread(f);
        // SAFETY: who has entered the instance waits in `run`, and keeps this alive.
        unsafe { &*self.outside }.on_parent_stack(move || f.run())
    }

    /// What of the stack is free while its host runs.
    fn rest(self) -> Result<Rest> {
        let base = self.free.ok_or_else(|| Error::Internal("a guest is entered that has not left".into()))?;
        Ok(Rest { base, limit: self.limit })
    }
}

/// Both stacks are of one thread.
struct OfThisThread<F>(F);

// SAFETY: whatever is called runs on the thread that it is given on.
unsafe impl<F> Send for OfThisThread<F> {}

impl<F> OfThisThread<F> {
    fn run<R>(self) -> R
    where
        F: FnOnce() -> R,
    {
        (self.0)()
    }
}

/// The lower part of a stack whose upper part is in use.
struct Rest {
    base: StackPointer,
    limit: StackPointer,
}

// SAFETY: as the stack that it is a part of: there is a guard page below. The engine lets guests in only as long as there is more
// than `BELOW_LIMIT`.
unsafe impl Stack for Rest {
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        self.limit
    }
}

/// Runs `f` on the stack of a guest: on what is left of one that has left its instance, or on a new one of so many bytes.
pub(super) fn inside<R>(bytes: usize, around: Option<Place>, f: impl FnOnce(Place) -> R) -> Result<R> {
    let Some(around) = around else {
        let (result, stack) = run(take(bytes + BELOW_LIMIT)?, f);
        give_back(stack);
        return Ok(result);
    };
    Ok(run(around.rest()?, f).0)
}

fn run<S: Stack + 'static, F: FnOnce(Place) -> R, R>(stack: S, f: F) -> (R, S) {
    let mut work = Work { f: Some(f), result: None };
    let stack = switch(stack, step::<F, R>, (&raw mut work).cast());
    (work.result.expect("it has run to its end"), stack)
}

struct Work<F, R> {
    f: Option<F>,
    result: Option<R>,
}

/// # Safety
/// `work` is a `Work` of these types that nobody else uses.
unsafe fn step<F: FnOnce(Place) -> R, R>(work: *mut (), place: Place) {
    // SAFETY: the caller's promise.
    let work = unsafe { &mut *work.cast::<Work<F, R>>() };
    work.result = work.f.take().map(|f| f(place));
}

/// Calls `step` on a stack.
fn switch<S: Stack + 'static>(stack: S, step: unsafe fn(*mut (), Place), work: *mut ()) -> S {
    let limit = stack.limit();
    let mut coroutine = Coroutine::<(), (), (), S>::with_stack(stack, move |outside, ()| {
        // SAFETY: `run` has given the function that fits its work, and waits.
        unsafe { step(work, Place { outside, limit, free: None }) };
    });
    match coroutine.resume(()) {
        CoroutineResult::Return(()) => coroutine.into_stack(),
        CoroutineResult::Yield(()) => unreachable!("a guest is never left half-way"),
    }
}

fn take(bytes: usize) -> Result<DefaultStack> {
    let size = |stack: &DefaultStack| stack.base().get() - stack.limit().get();
    // A stack has a guard page besides. When the thread ends there are none kept any more.
    let idle = IDLE.try_with(|idle| {
        let mut idle = idle.borrow_mut();
        let fits = idle.iter().rposition(|stack| (bytes..bytes + (64 << 10)).contains(&size(stack)))?;
        Some(idle.swap_remove(fits))
    });
    if let Ok(Some(stack)) = idle {
        return Ok(stack);
    }
    DefaultStack::new(bytes).map_err(|error| Error::OutOfResources(format!("no stack for a guest: {}", crate::sys::words(error))))
}

fn give_back(stack: DefaultStack) {
    let _ = IDLE.try_with(|idle| {
        let mut idle = idle.borrow_mut();
        if idle.len() == KEPT {
            idle.swap_remove(0);
        }
        idle.push(stack);
    });
}
