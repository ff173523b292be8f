//! The queue between the workers and the thread that writes: bounded in bytes, never waits.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

/// Bytes that may wait; about ten thousand lines.
const CAPACITY: usize = 4 << 20;
/// How long the writer gathers lines before it writes, so that a busy proxy makes few system calls.
const GATHER: Duration = Duration::from_millis(10);
/// How long the writer waits after a failed write (disk full) before the next.
const RETRY: Duration = Duration::from_millis(200);

/// Where lines go.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Stdout,
    File(PathBuf),
    #[cfg(test)]
    Descriptor(Arc<File>),
}

/// The queue. Its thread ends when [`Queue::close`] is called.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the writer.
    filled: Condvar,
    /// Wakes who waits for the writer's end.
    ended: Condvar,
    dropped: Counter,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<u8>,
    reopen: bool,
    closing: bool,
    ended: bool,
}

impl Queue {
    /// Opens the target and starts the writing thread.
    pub(super) fn start(target: Target, dropped: Counter) -> io::Result<Arc<Self>> {
        Self::start_with(target, dropped, CAPACITY)
    }

    fn start_with(target: Target, dropped: Counter, capacity: usize) -> io::Result<Arc<Self>> {
        let output = target.open()?;
        let queue = Arc::new(Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            ended: Condvar::new(),
            dropped,
            capacity,
        });
        let of_thread = Arc::clone(&queue);
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || of_thread.run(&target, output))?;
        Ok(queue)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned state is still a whole state: every change to it is one assignment or one append.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, or counts it as dropped.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.closing || state.pending.len() + line.len() > self.capacity {
            drop(state);
            self.dropped.inc();
            return;
        }
        let was_empty = state.pending.is_empty();
        state.pending.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Opens the file anew before the next line (after a rotation of logs).
    pub(super) fn reopen(&self) {
        self.lock().reopen = true;
        self.filled.notify_one();
    }

    /// Writes what is pending and ends the thread; gives up after `patience` if the target is blocked.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.lock();
        state.closing = true;
        self.filled.notify_one();
        let deadline = Instant::now() + patience;
        while !state.ended {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets the thread end by itself; does not wait.
    pub(super) fn abandon(&self) {
        self.lock().closing = true;
        self.filled.notify_one();
    }

    fn run(&self, target: &Target, mut output: Output) {
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            while state.pending.is_empty() && !state.reopen && !state.closing {
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if !state.closing && !state.reopen {
                let gather = |state: &mut State| !state.closing && !state.reopen;
                state = self.filled.wait_timeout_while(state, GATHER, gather).unwrap_or_else(PoisonError::into_inner).0;
            }
            std::mem::swap(&mut batch, &mut state.pending);
            let (reopen, closing) = (std::mem::take(&mut state.reopen), state.closing);
            drop(state);
            if reopen {
                // Lines from before the signal belong to the old file.
                self.write(&mut output, &mut batch);
                match target.open() {
                    Ok(opened) => output = opened,
                    Err(error) => tracing::error!(%error, "access log cannot be reopened; the old file stays in use"),
                }
            }
            self.write(&mut output, &mut batch);
            if closing {
                self.lock().ended = true;
                self.ended.notify_all();
                return;
            }
        }
    }

    /// Writes the batch and empties it; a failed write counts its lines as dropped and pauses.
    fn write(&self, output: &mut Output, batch: &mut Vec<u8>) {
        if batch.is_empty() {
            return;
        }
        if let Err(error) = output.write(batch) {
            let lines = u64::try_from(memchr::memchr_iter(b'\n', batch).count()).unwrap_or(u64::MAX);
            self.dropped.inc_by(lines);
            tracing::warn!(%error, lines, "access log lines are lost");
            let wait = |state: &mut State| !state.closing;
            drop(self.filled.wait_timeout_while(self.lock(), RETRY, wait));
        }
        batch.clear();
        // After a burst the memory goes back.
        batch.shrink_to(64 * 1024);
    }
}

impl Target {
    fn open(&self) -> io::Result<Output> {
        let to = match self {
            Self::Stdout => Destination::Stdout,
            Self::File(path) => Destination::File(OpenOptions::new().append(true).create(true).open(path)?),
            #[cfg(test)]
            Self::Descriptor(file) => Destination::File(file.try_clone()?),
        };
        Ok(Output { to, mid_line: false })
    }
}

#[derive(Debug)]
struct Output {
    to: Destination,
    /// Whether a failed write left part of a line behind.
    mid_line: bool,
}

#[derive(Debug)]
enum Destination {
    Stdout,
    File(File),
}

impl Output {
    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        let mid_line = std::mem::replace(&mut self.mid_line, true);
        let result = match &mut self.to {
            Destination::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(batch).and_then(|()| stdout.flush())
            }
            Destination::File(file) => {
                if mid_line {
                    file.write_all(b"\n")?;
                }
                file.write_all(batch)
            }
        };
        self.mid_line = result.is_err();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn lines_reach_the_file_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let queue = Queue::start(Target::File(path.clone()), Counter::default()).unwrap();
        for number in 0..1000 {
            queue.push(format!("{number}\n").as_bytes());
        }
        queue.close(PATIENCE);
        let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn after_a_rotation_new_lines_go_to_the_new_file() {
        let directory = tempfile::tempdir().unwrap();
        let (path, rotated) = (directory.path().join("access.log"), directory.path().join("access.log.1"));
        let queue = Queue::start(Target::File(path.clone()), Counter::default()).unwrap();
        queue.push(b"old\n");
        std::fs::rename(&path, &rotated).unwrap();
        queue.reopen();
        let deadline = Instant::now() + PATIENCE;
        while !path.exists() {
            assert!(Instant::now() < deadline, "the file was not reopened");
            std::thread::yield_now();
        }
        queue.push(b"new\n");
        queue.close(PATIENCE);
        assert_eq!(std::fs::read_to_string(rotated).unwrap(), "old\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "new\n");
    }

    #[test]
    fn a_blocked_pipe_makes_drops_not_waits_and_recovers_when_it_is_read() {
        let (mut reader, writer) = io::pipe().unwrap();
        let dropped = Counter::default();
        let queue = Queue::start_with(
            Target::Descriptor(Arc::new(File::from(OwnedFd::from(writer)))),
            dropped.clone(),
            128 * 1024,
        )
        .unwrap();
        // A pipe takes 64 KiB and the queue 128 KiB; a MiB of lines cannot fit.
        let line = [b'x'; 1023];
        let started = Instant::now();
        for _ in 0..1024 {
            queue.push(&[&line[..], b"\n"].concat());
        }
        assert!(started.elapsed() < Duration::from_secs(5), "a push waited");
        assert!(dropped.get() > 0);
        let mut first = [0; 1024];
        reader.read_exact(&mut first).unwrap();
        assert_eq!(first[1023], b'\n');
        let before = dropped.get();
        let rest = std::thread::spawn(move || {
            let mut text = Vec::new();
            reader.read_to_end(&mut text).unwrap();
            text.len()
        });
        queue.close(PATIENCE);
        drop(queue);
        assert_eq!(rest.join().unwrap() + 1024, usize::try_from((1024 - before) * 1024).unwrap());
    }

    #[test]
    fn a_full_disk_makes_drops_and_the_queue_lives_on() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let dropped = Counter::default();
        let queue = Queue::start(Target::Descriptor(Arc::new(full)), dropped.clone()).unwrap();
        queue.push(b"a\nb\n");
        let deadline = Instant::now() + PATIENCE;
        while dropped.get() < 2 {
            assert!(Instant::now() < deadline, "the loss was not counted");
            std::thread::yield_now();
        }
        queue.close(PATIENCE);
        assert_eq!(dropped.get(), 2);
    }
}
