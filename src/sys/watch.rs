//! Waiting until a file can be read, by an executor and not by a thread.

use std::fs::File;
use std::io;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Waits until there is something to read, or the other end is gone. Only pipes, sockets, terminals and the like can be waited
/// for. It is to be awaited by an executor that does input and output.
pub(crate) async fn readable(file: Arc<File>) -> io::Result<()> {
    // SAFETY: a file has one descriptor, which is open as long as it lives; what is registered here has a share of it.
    let watched = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) };
    watched.map_err(|error| error.into_parts().1)?.readable().await.map(|mut ready| ready.clear_ready())
}
