//! Queues jobs and waits for each of them as long as it can end (docs/cloud-config.md#coreosunits).

mod end;
mod graph;
mod job_state;

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use zbus::names::OwnedUniqueName;
use zbus::{Connection, MatchRule, MessageStream, ObjectPath, OwnedObjectPath, message};

use super::proxy::ManagerProxy;
use super::{Systemd, errors};
use crate::host::bus::{CALL_LIMIT, CallError, pick_from};
use cloud_config::config::Verb;
pub use end::JobEnd;
use end::uptime;
use job_state::{Inspection, JobState};

/// The D-Bus name of systemd.
const SYSTEMD: &str = "org.freedesktop.systemd1";

/// The number of unread signals that are kept. The connection blocks while the queue is full, and hundreds of jobs end
/// during a boot. Only signals from systemd are queued: see [`Ends`].
const QUEUE: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// The time after which an unfinished job is inspected for the first time. Most jobs have ended by then.
const FIRST_LOOK: Duration = Duration::from_millis(200);

/// The shortest interval between later inspections.
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// The longest interval between two checks whether the run was asked to stop.
const TICK: Duration = Duration::from_secs(1);

/// The interval at which a long wait for a job is reported.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// The number of attempts to reconnect after the connection broke, and the pause before each.
const RESUMES: u8 = 10;
const RESUME_PAUSE: Duration = Duration::from_millis(200);

/// The parameters of a wait for a job.
pub struct JobWait<'w> {
    /// The longest wait; the run's deadline also applies.
    pub limit: Duration,
    /// Called about every 10 s of waiting, with the time waited so far.
    pub report: &'w mut dyn FnMut(Duration),
    /// Called about every second; returns true if the wait is to end because the run was asked to stop.
    pub stop: &'w dyn Fn() -> bool,
}

/// The `JobRemoved` signals from the process that owns systemd's bus name.
///
/// Any user can send any signal to our connection. The bus stamps each message with the unique name of its sender, and
/// the match rule requires that of systemd. So a forged signal is dropped before it is queued.
struct Ends {
    stream: MessageStream,
    connection: Connection,
    owner: OwnedUniqueName,
}

impl Ends {
    /// Subscribes to the signals that systemd sends from now on.
    async fn new(connection: Connection) -> zbus::Result<Self> {
        let owner = owner(&connection).await?;
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .sender(&owner)
            .path("/org/freedesktop/systemd1")
            .interface("org.freedesktop.systemd1.Manager")
            .member("JobRemoved")
            .build()?;
        let stream = MessageStream::for_match_rule(rule, &connection, Some(QUEUE)).await?;
        Ok(Self { stream, connection, owner })
    }

    /// Returns the result of `job` if its end is reported before `until`.
    fn next(&mut self, job: &OwnedObjectPath, until: Instant) -> Result<Option<String>, CallError> {
        pick_from(&mut self.stream, until, |message| {
            let body = message.body();
            let (_, path, _, result) = body.deserialize::<(u32, ObjectPath<'_>, &str, &str)>().ok()?;
            (path.as_str() == job.as_str()).then(|| result.to_owned())
        })
    }
}

/// Returns the unique name of the process that owns systemd's bus name.
async fn owner(connection: &Connection) -> zbus::Result<OwnedUniqueName> {
    let bus = zbus::fdo::DBusProxy::new(connection).await?;
    Ok(bus.get_name_owner(SYSTEMD.try_into()?).await?)
}

impl Systemd<'_> {
    /// Queues the job `verb` of `unit` and waits for it. The job replaces queued jobs that conflict with it.
    ///
    /// The wait ends early if the job cannot end meanwhile, because it waits for the unit in which this program runs.
    ///
    /// # Errors
    ///
    /// The job cannot be queued: the unit does not exist, is masked or invalid, or does not support the verb; or the
    /// bus or systemd does not reply. A job that fails is [`JobEnd::Failed`] and not an error.
    pub fn run_job(&self, unit: &str, verb: Verb, wait: &mut JobWait<'_>) -> Result<JobEnd> {
        let queued = uptime();
        // This program subscribes before the job is queued, because the job may end before the reply with its path
        // arrives.
        let ask = || self.job_ends().and_then(|ends| Ok((self.queue(unit, verb)?, ends)));
        let answer = match ask() {
            // The connection broke, perhaps long before this call; the next call connects again. If the job was queued
            // already, the second request returns the same job.
            Err(CallError::Broken(_)) => ask(),
            answer => answer,
        };
        let (job, mut ends) =
            answer.map_err(|error| errors::explain(error, unit)).with_context(|| format!("failed to {verb} {unit}"))?;
        self.follow(&job, unit, verb, queued, wait, &mut ends)
            .with_context(|| format!("failed to wait for the end of {verb} {unit}"))
    }

    /// Restarts systemd-networkd, so that it reads its files again, and waits for the restart.
    ///
    /// # Errors
    ///
    /// The same as those of [`Self::run_job`].
    pub fn restart_networkd(&self, wait: &mut JobWait<'_>) -> Result<JobEnd> {
        self.run_job("systemd-networkd.service", Verb::Restart, wait)
    }

    /// Subscribes to the signals about the ends of jobs.
    fn job_ends(&self) -> Result<Ends, CallError> {
        self.bus.call(CALL_LIMIT, async |connection| {
            // Subscribed before every job: a restart of systemd or the bus may end a subscription, and a second one is
            // harmless.
            match ManagerProxy::new(&connection).await?.subscribe().await {
                Ok(()) => {}
                Err(zbus::Error::MethodError(name, ..))
                    if name.as_str() == "org.freedesktop.systemd1.AlreadySubscribed" => {}
                Err(error) => return Err(error),
            }
            Ends::new(connection).await
        })
    }

    /// Subscribes again if another process owns systemd's bus name. systemd gets a new unique name when it re-executes
    /// itself, and every process gets one when the bus restarts.
    fn follow_systemd(&self, ends: &mut Ends) -> Result<(), CallError> {
        let is_same = self.bus.connection()?.unique_name() == ends.connection.unique_name()
            && self.bus.call(CALL_LIMIT, async |connection| owner(&connection).await)? == ends.owner;
        if !is_same {
            *ends = self.job_ends()?;
        }
        Ok(())
    }

    fn queue(&self, unit: &str, verb: Verb) -> Result<OwnedObjectPath, CallError> {
        self.bus.call(CALL_LIMIT, async |connection| {
            let manager = ManagerProxy::new(&connection).await?;
            match verb {
                Verb::Start => manager.start_unit(unit, "replace").await,
                Verb::Stop => manager.stop_unit(unit, "replace").await,
                Verb::Restart => manager.restart_unit(unit, "replace").await,
                Verb::Reload => manager.reload_unit(unit, "replace").await,
                Verb::TryRestart => manager.try_restart_unit(unit, "replace").await,
                Verb::ReloadOrRestart => manager.reload_or_restart_unit(unit, "replace").await,
                Verb::ReloadOrTryRestart => manager.reload_or_try_restart_unit(unit, "replace").await,
            }
        })
    }

    /// Waits for the end of `job`, which was queued at the uptime `queued`.
    fn follow(
        &self,
        job: &OwnedObjectPath,
        unit: &str,
        verb: Verb,
        queued: Duration,
        wait: &mut JobWait<'_>,
        ends: &mut Ends,
    ) -> Result<JobEnd> {
        let begun = Instant::now();
        let limit = self.bus.deadline().clip(wait.limit);
        let end = begun + limit;
        let mut look_at = begun + FIRST_LOOK;
        let mut report_at = begun + REPORT_EVERY;
        let mut reported = None;
        loop {
            let soon = Instant::now() + TICK;
            let report = match ends.next(job, soon.min(end).min(look_at)) {
                Err(error) => self.resume(ends, error).map(|()| None),
                report => report,
            };
            if let Some(result) = report? {
                // systemd forgets a job before it reports the end, so an inspection can confirm the report.
                reported = Some(result);
                look_at = Instant::now();
            }
            let now = Instant::now();
            if now >= look_at {
                match self.job_state(job, &Inspection::begun(now)) {
                    Ok(JobState::Gone) => {
                        // systemd sent its report before it replied to the inspection, so the report is in the queue by
                        // now.
                        let result = match reported.take() {
                            Some(result) => Some(result),
                            None => ends.next(job, now).unwrap_or_default(),
                        };
                        return Ok(match result {
                            Some(result) => self.ended(unit, result),
                            None => self.end_by_unit_state(unit, verb, queued),
                        });
                    }
                    Ok(JobState::Deadlocked(reason)) => return Ok(JobEnd::LeftQueued { reason }),
                    Ok(JobState::CanEnd) => {
                        // The job still exists, so the report of its end was false.
                        reported = None;
                        self.follow_systemd(ends).or_else(|error| self.tolerate(ends, error))?;
                    }
                    Err(error) => self.tolerate(ends, error)?,
                }
                // An inspection makes a call for each blocking job. It gets at most a tenth of the time.
                look_at = now + NEXT_LOOK.max(now.elapsed() * 10);
            }
            if (wait.stop)() {
                return Ok(JobEnd::still_queued("the run was stopped by a signal"));
            }
            if now >= end {
                return Ok(if limit < wait.limit {
                    JobEnd::still_queued("the time limit of the run was reached (--deadline)")
                } else {
                    JobEnd::still_queued(&format!("it has not ended within {} s", limit.as_secs()))
                });
            }
            if now >= report_at {
                (wait.report)(begun.elapsed());
                report_at += REPORT_EVERY;
            }
        }
    }

    /// Continues after an error that may be temporary: a blocking unit was unloaded, systemd is busy, or the connection
    /// broke.
    fn tolerate(&self, ends: &mut Ends, error: CallError) -> Result<(), CallError> {
        match error {
            CallError::Refused { .. } | CallError::TimedOut(_) | CallError::OutOfTime => Ok(()),
            error => self.resume(ends, error),
        }
    }

    /// Connects and subscribes again after the connection broke with `cause`. systemd may have re-executed itself, or a
    /// unit command may have restarted the bus.
    fn resume(&self, ends: &mut Ends, cause: CallError) -> Result<(), CallError> {
        for _ in 0..RESUMES {
            thread::sleep(RESUME_PAUSE);
            match self.job_ends() {
                Ok(again) => {
                    *ends = again;
                    return Ok(());
                }
                Err(CallError::Broken(_) | CallError::Unconnected(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(cause)
    }
}
