//! Waiting for what a WASI function waits for: the one executor of the process, and a thread that waits no longer than its
//! call may.

use crate::bounds::Bounds;
use crate::call;
use crate::stop::Stop;
use crate::sys::process::OfProcess;
use crate::sys::threads;
use crate::{Error, Result};
use alloc::{format, sync::Arc};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::sync::OnceLock;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Started when a function first may need it: files and clocks do, bytes do not. A forked child has its own.
static EXECUTOR: OfProcess<OnceLock<Runtime>> = OfProcess::of_the_first(OnceLock::new());

/// At most so many operations on files at once; more wait for their turn. One that its call has given up keeps its thread until
/// the system answers, so these must not run out before the memory for calls does.
const BLOCKING_THREADS: usize = 256;
/// How long a thread waits for the next.
const IDLE: Duration = Duration::from_secs(2);

const STACK_BYTES: usize = 2 << 20;
/// How long work may wait for a thread that the system has refused, before one is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

fn executor() -> Result<&'static Runtime> {
    let executor = EXECUTOR.get(OnceLock::new);
    if let Some(executor) = executor.get() {
        return Ok(executor);
    }
    let refused = |error| Error::OutOfResources(format!("no threads to do input and output with: {}", crate::sys::words(error)));
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).max_blocking_threads(BLOCKING_THREADS).thread_keep_alive(IDLE);
    builder.enable_all().thread_name("hostel-wasi").thread_stack_size(STACK_BYTES);
    // tokio panics when it gets no thread for its worker.
    threads::can_start(1, STACK_BYTES).map_err(refused)?;
    let made = threads::without_signals(|| builder.build()).map_err(refused)?;
    Ok(executor.get_or_init(|| made))
}

/// Runs a WASI function to its end, or to that of its call. What is `ready` at once costs one look; only what `may_wait`
/// starts the executor.
pub(super) fn wait<F: Future>(future: F, may_wait: bool, bounds: &Bounds, stop: &Stop) -> Result<F::Output> {
    let mut future = pin!(future);
    if !may_wait && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return Ok(output);
    }
    let executor = executor()?;
    let _entered = executor.enter();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut asked = Instant::now();
    loop {
        // It may start threads.
        if let Poll::Ready(output) = threads::without_signals(|| future.as_mut().poll(&mut context)) {
            return Ok(output);
        }
        if let Some(reason) = stop.asked() {
            return Err(call::stopped(reason, bounds, Vec::new()));
        }
        match bounds.look_again() {
            // The timer and the tokens write the word that was looked at, and wake nobody.
            Some(soon) => thread::park_timeout(soon.max(Duration::from_micros(100)).min(Duration::from_millis(1))),
            None => thread::park_timeout(ASK_AGAIN),
        }
        // What got no thread waits in a queue, and nobody looks there until there is other work.
        if asked.elapsed() >= ASK_AGAIN {
            asked = Instant::now();
            drop(threads::without_signals(|| executor.spawn_blocking(|| ())));
        }
    }
}

/// Wakes the thread of a call.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
