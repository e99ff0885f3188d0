//! The one connection to the system bus.
//!
//! This module makes the asynchronous D-Bus library synchronous: a call returns a reply, an error or a timeout. No
//! module outside of `host` uses futures.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use futures_core::Stream;
use zbus::{Connection, Message, MessageStream, connection};

use super::signals;
use crate::contain::contain;
use crate::deadline::Deadline;
use crate::os_error::without_code;

/// The default time limit of a call.
pub const CALL_LIMIT: Duration = Duration::from_secs(30);

/// The time limit of connecting. The socket exists before the broker that serves it, so connecting can have to wait.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The time limit of a call near or past the deadline of the run. Requests are still sent then, but the run does not
/// wait for their effects: a queued unit starts without further calls.
const LATE_CALL_LIMIT: Duration = Duration::from_secs(2);

/// The divisor of the remaining time for the time limit of one call.
const SHARE: u32 = 4;

/// The time after the deadline during which calls are still sent.
const LATE: Duration = Duration::from_secs(30);

/// The longest wait for an answer once a signal has asked the run to stop.
const STOPPED_LIMIT: Duration = Duration::from_secs(2);

/// The interval at which a wait checks whether the run was asked to stop.
const PAUSE: Duration = Duration::from_millis(100);

/// The reason why a call has no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no connection, and connecting failed.
    #[error("failed to connect to the system bus: {0}")]
    Unconnected(String),
    /// The called service answered with an error.
    #[error("{}", if .message.is_empty() { .name } else { .message })]
    Refused {
        /// The D-Bus name of the error, such as `org.freedesktop.systemd1.NoSuchUnit`.
        name: String,
        /// The message of the error; may be empty.
        message: String,
    },
    /// No reply came in time. The requested action may still happen.
    #[error("no response over the system bus within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The call was not sent: the deadline of the run has passed by more than 30 s.
    #[error("the time limit of the run was reached (--deadline)")]
    OutOfTime,
    /// The connection broke, or the reply could not be decoded.
    #[error("failed to use the system bus: {}", without_code(&.0.to_string()))]
    Broken(zbus::Error),
}

impl CallError {
    /// Returns the D-Bus name of the error, if a service replied with one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Refused { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Returns true if the D-Bus name of the error is `org.freedesktop.systemd1.` followed by `short`.
    pub(super) fn is_systemd(&self, short: &str) -> bool {
        self.name().and_then(|name| name.strip_prefix("org.freedesktop.systemd1.")) == Some(short)
    }

    /// Returns true if the called object does not exist or has been removed.
    pub(super) fn is_unknown_object(&self) -> bool {
        self.name() == Some("org.freedesktop.DBus.Error.UnknownObject")
    }
}

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, message, _) => {
                Self::Refused { name: name.to_string(), message: message.unwrap_or_default() }
            }
            zbus::Error::FDO(error) => match *error {
                zbus::fdo::Error::ZBus(error) => error.into(),
                error => {
                    use zbus::DBusError as _;
                    let message = error.description().unwrap_or_default().to_owned();
                    Self::Refused { name: error.name().to_string(), message }
                }
            },
            error => Self::Broken(error),
        }
    }
}

/// The connection to the system bus. It is opened at the first call, and opened again if it breaks.
#[derive(Debug)]
pub struct Bus {
    deadline: Deadline,
    /// The time after which no call is sent.
    end: Instant,
    state: RefCell<ConnectionState>,
    /// The number of consecutive calls that timed out.
    consecutive_timeouts: Cell<u32>,
}

#[derive(Debug)]
enum ConnectionState {
    /// Not connected yet.
    Idle,
    Open(Connection),
    /// Connecting timed out and is not tried again.
    Dead(String),
}

/// A call that runs in a thread.
#[derive(Debug)]
pub(super) struct PendingCall<T> {
    thread: JoinHandle<(Option<zbus::Result<T>>, Instant)>,
    limit: Duration,
    begun: Instant,
}

impl Bus {
    /// Creates the system bus for a run that ends at `deadline`, without a connection.
    pub fn new(deadline: Deadline) -> Self {
        Self {
            deadline,
            end: Instant::now() + deadline.remaining() + LATE,
            state: RefCell::new(ConnectionState::Idle),
            consecutive_timeouts: Cell::new(0),
        }
    }

    /// Connects to the system bus, for a run that ends at `deadline`.
    ///
    /// # Errors
    ///
    /// [`CallError::Unconnected`]: no process listens on the socket (at once), or the bus does not reply (after 10 s).
    pub fn connect(deadline: Deadline) -> Result<Self, CallError> {
        let bus = Self::new(deadline);
        bus.connection().map(drop)?;
        Ok(bus)
    }

    /// Returns the deadline of the run.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Returns the connection, and replaces a broken one: a unit command may restart the bus itself.
    pub(super) fn connection(&self) -> Result<Connection, CallError> {
        match &*self.state.borrow() {
            ConnectionState::Open(connection) if !connection.is_closed() => return Ok(connection.clone()),
            ConnectionState::Dead(why) => return Err(CallError::Unconnected(why.clone())),
            ConnectionState::Open(_) | ConnectionState::Idle => {}
        }
        let limit = self.clip(CONNECT_LIMIT)?;
        // zbus starts a thread, and panics if the system cannot create it.
        let built = contain(|| block_on(connection::Builder::system().build(), limit));
        match built.unwrap_or_else(|| Some(Err(no_thread()))) {
            Some(Ok(connection)) => {
                self.state.replace(ConnectionState::Open(connection.clone()));
                Ok(connection)
            }
            Some(Err(error)) => Err(CallError::Unconnected(without_code(&error.to_string()))),
            None => {
                let why = format!("no response within {} s", limit.as_secs());
                self.state.replace(ConnectionState::Dead(why.clone()));
                Err(CallError::Unconnected(why))
            }
        }
    }

    /// Returns the time limit of a call whose own limit is `limit`: at most [`SHARE`] of the remaining time, halved
    /// after each timeout. A bus that does not reply must not use up the time of later steps.
    fn clip(&self, limit: Duration) -> Result<Duration, CallError> {
        let rest = self.end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Err(CallError::OutOfTime);
        }
        let patient = limit / 2_u32.saturating_pow(self.consecutive_timeouts.get());
        let fair = (self.deadline.remaining() / SHARE).min(patient).max(LATE_CALL_LIMIT);
        Ok(limit.min(fair).min(rest))
    }

    /// Runs `call` with the connection, within `limit` and the limits of the run's deadline.
    pub(super) fn call<T, F, C>(&self, limit: Duration, call: C) -> Result<T, CallError>
    where
        C: FnOnce(Connection) -> F,
        F: Future<Output = zbus::Result<T>>,
    {
        let limit = self.clip(limit)?;
        let connection = self.connection()?;
        self.evaluate_reply(run_call(call, connection, limit), limit)
    }

    /// Begins [`Self::call`] in a thread; [`Self::finish`] waits for the reply.
    ///
    /// # Errors
    ///
    /// There is no connection, or no thread for the call.
    pub(super) fn begin<T, F, C>(&self, limit: Duration, call: C) -> Result<PendingCall<T>, CallError>
    where
        T: Send + 'static,
        C: FnOnce(Connection) -> F + Send + 'static,
        F: Future<Output = zbus::Result<T>>,
    {
        let limit = self.clip(limit)?;
        let connection = self.connection()?;
        let work = move || (run_call(call, connection, limit), Instant::now());
        let thread = thread::Builder::new().name("bus-call".to_owned()).spawn(work);
        let thread = thread.map_err(|error| CallError::Broken(error.into()))?;
        Ok(PendingCall { thread, limit, begun: Instant::now() })
    }

    /// Waits for the reply to a call that was begun. Returns the reply and the duration of the call.
    pub(super) fn finish<T>(&self, pending: PendingCall<T>) -> (Result<T, CallError>, Duration) {
        let (answer, ended) = pending.thread.join().unwrap_or_else(|_| (Some(Err(no_thread())), Instant::now()));
        (self.evaluate_reply(answer, pending.limit), ended.saturating_duration_since(pending.begun))
    }

    /// Converts the reply to a result: counts consecutive timeouts, and drops a broken connection.
    fn evaluate_reply<T>(&self, answer: Option<zbus::Result<T>>, limit: Duration) -> Result<T, CallError> {
        let Some(answer) = answer else {
            self.consecutive_timeouts.set(self.consecutive_timeouts.get().saturating_add(1));
            return Err(CallError::TimedOut(limit));
        };
        self.consecutive_timeouts.set(0);
        answer.map_err(|error| self.drop_broken(error.into()))
    }

    /// Drops the connection if `error` shows that it is broken: zbus may not have noticed yet.
    fn drop_broken(&self, error: CallError) -> CallError {
        if matches!(error, CallError::Broken(_)) {
            self.state.replace(ConnectionState::Idle);
        }
        error
    }
}

/// Runs `call` on this thread; returns `None` if no reply comes within `limit`.
fn run_call<T, F, C>(call: C, connection: Connection, limit: Duration) -> Option<zbus::Result<T>>
where
    C: FnOnce(Connection) -> F,
    F: Future<Output = zbus::Result<T>>,
{
    contain(|| block_on(call(connection), limit)).unwrap_or_else(|| Some(Err(no_thread())))
}

/// Reads `stream` until `pick` accepts a message; returns `None` if that does not happen before `until`.
///
/// # Errors
///
/// The stream has ended: the connection is closed, and no message will come.
pub(super) fn pick_from<T>(
    stream: &mut MessageStream,
    until: Instant,
    mut pick: impl FnMut(&Message) -> Option<T>,
) -> Result<Option<T>, CallError> {
    let picked = poll_fn(|context| {
        loop {
            match Pin::new(&mut *stream).poll_next(context) {
                Poll::Ready(Some(Ok(message))) => {
                    if let Some(found) = pick(&message) {
                        return Poll::Ready(Ok(found));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(None) => return Poll::Ready(Err(CallError::Broken(closed()))),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    block_on(picked, until.saturating_duration_since(Instant::now())).transpose()
}

/// Returns the error for a panic of zbus.
fn no_thread() -> zbus::Error {
    std::io::Error::other("internal error, perhaps for lack of threads or memory").into()
}

fn closed() -> zbus::Error {
    std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the connection was closed").into()
}

/// Runs `future` on this thread for `limit` at most; returns `None` if it did not finish.
///
/// `zbus::block_on` has no time limit, and the limit of zbus for calls covers neither connecting nor sending. A thread
/// of zbus drives the connection, so this thread may sleep.
fn block_on<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let begun = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() || (signals::stopped() && begun.elapsed() >= STOPPED_LIMIT) {
            return None;
        }
        thread::park_timeout(left.min(PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_that_never_ends_is_given_up() {
        let begun = Instant::now();
        assert!(block_on(std::future::pending::<()>(), Duration::from_millis(20)).is_none());
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn a_ready_future_needs_no_time() {
        assert_eq!(block_on(std::future::ready(7), Duration::ZERO), Some(7));
    }

    #[test]
    fn a_wake_from_another_thread_is_heard() {
        let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
        let helper = thread::spawn(move || {
            if let Ok(waker) = receiver.recv() {
                thread::sleep(Duration::from_millis(20));
                waker.wake();
            }
        });
        let mut polls = 0;
        let future = poll_fn(|context| {
            polls += 1;
            if polls > 1 {
                return Poll::Ready(());
            }
            let _ = sender.send(context.waker().clone());
            Poll::Pending
        });
        assert_eq!(block_on(future, Duration::from_secs(10)), Some(()));
        assert!(helper.join().is_ok());
    }

    #[test]
    fn after_the_deadline_calls_are_short_and_soon_refused() -> Result<(), CallError> {
        let mut bus = Bus::new(Deadline::after(Duration::ZERO));
        assert_eq!(bus.clip(CALL_LIMIT)?, LATE_CALL_LIMIT);
        bus.end = Instant::now();
        assert!(matches!(bus.clip(CALL_LIMIT), Err(CallError::OutOfTime)));
        Ok(())
    }

    #[test]
    fn a_call_gets_a_share_of_the_remaining_time() -> Result<(), CallError> {
        let bus = Bus::new(Deadline::after(Duration::from_secs(40)));
        assert_eq!(bus.clip(Duration::from_secs(5))?, Duration::from_secs(5));
        assert!(bus.clip(CALL_LIMIT)? <= Duration::from_secs(10));
        Ok(())
    }

    #[test]
    fn timeouts_shorten_the_limit_of_later_calls() -> Result<(), CallError> {
        let bus = Bus::new(Deadline::after(Duration::from_secs(540)));
        assert_eq!(bus.clip(CALL_LIMIT)?, CALL_LIMIT);
        bus.consecutive_timeouts.set(1);
        assert_eq!(bus.clip(CALL_LIMIT)?, CALL_LIMIT / 2);
        bus.consecutive_timeouts.set(u32::MAX);
        assert_eq!(bus.clip(CALL_LIMIT)?, LATE_CALL_LIMIT);
        Ok(())
    }
}
