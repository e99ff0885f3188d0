//! Jobs: queued, and waited for as long as they can end (spec §8).

mod end;
mod graph;
mod outlook;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use zbus::{MatchRule, MessageStream, ObjectPath, OwnedObjectPath, message};

use super::proxy::ManagerProxy;
use super::{Systemd, errors};
use crate::host::bus::{CALL_LIMIT, CallError, pick_from};
use crate::plan::Verb;
pub use end::JobEnd;
use outlook::{Look, Outlook};

/// How many ends of jobs are kept until they are looked at. The connection stands still while a
/// queue is full, and a machine that boots ends hundreds of jobs.
const QUEUE: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// When it is first looked at why a job has not ended; most have by then.
const FIRST_LOOK: Duration = Duration::from_millis(200);

/// When it is looked at again, at the soonest.
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// How often it is asked whether to stop waiting, at the least.
const TICK: Duration = Duration::from_secs(1);

/// How often the person is told that a job is still waited for.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How to wait for a job.
pub struct JobWait<'w> {
    /// The longest wait; the run's deadline holds besides.
    pub limit: Duration,
    /// Called about every 10 s of waiting, with the time waited so far.
    pub tell: &'w mut dyn FnMut(Duration),
    /// Asked about every second: whether to stop waiting, because the run was told to end.
    pub stop: &'w dyn Fn() -> bool,
}

impl Systemd<'_> {
    /// Queues the job `verb` of `unit`, replacing queued jobs that contradict it, and waits for it.
    ///
    /// It is waited for only as long as it can end: not while it waits for the unit in which
    /// this program runs.
    ///
    /// # Errors
    ///
    /// The job cannot be queued: the unit does not exist, is masked, is bad, cannot do that; the bus or
    /// systemd does not answer. A job that fails is no error but [`JobEnd::Failed`].
    pub fn run_job(&self, unit: &str, verb: Verb, wait: &mut JobWait<'_>) -> Result<JobEnd> {
        // Listened to before the job is queued: it may end before its name is answered.
        let ask = || self.job_ends().and_then(|ends| Ok((self.queue(unit, verb)?, ends)));
        let answer = match ask() {
            // The bus died, perhaps long before this call; the next connection starts it again. A job that
            // was queued all the same is the one that the second try gets.
            Err(CallError::Broken(_)) => ask(),
            answer => answer,
        };
        let (job, mut ends) =
            answer.map_err(|error| errors::explain(error, unit)).with_context(|| format!("failed to {verb} {unit}"))?;
        self.follow(&job, unit, verb, wait, &mut ends)
            .with_context(|| format!("failed to wait for the end of {verb} {unit}"))
    }

    /// Restarts networkd, which so reads its files again, and waits for it.
    ///
    /// # Errors
    ///
    /// As with [`Self::run_job`].
    pub fn restart_networkd(&self, wait: &mut JobWait<'_>) -> Result<JobEnd> {
        self.run_job("systemd-networkd.service", Verb::Restart, wait)
    }

    /// The ends of jobs, from now on.
    fn job_ends(&self) -> Result<MessageStream, CallError> {
        self.bus.call(CALL_LIMIT, async |connection| {
            // Every time: whether a subscription outlived a restart of systemd or of the bus is
            // not ours to know, and having one already is fine.
            match ManagerProxy::new(&connection).await?.subscribe().await {
                Ok(()) => {}
                Err(zbus::Error::MethodError(name, ..))
                    if name.as_str() == "org.freedesktop.systemd1.AlreadySubscribed" => {}
                Err(error) => return Err(error),
            }
            let rule = MatchRule::builder()
                .msg_type(message::Type::Signal)
                .sender("org.freedesktop.systemd1")
                .path("/org/freedesktop/systemd1")
                .interface("org.freedesktop.systemd1.Manager")
                .member("JobRemoved")
                .build()?;
            MessageStream::for_match_rule(rule, &connection, Some(QUEUE)).await
        })
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

    fn follow(
        &self,
        job: &OwnedObjectPath,
        unit: &str,
        verb: Verb,
        wait: &mut JobWait<'_>,
        ends: &mut MessageStream,
    ) -> Result<JobEnd> {
        let begun = Instant::now();
        let limit = self.bus.deadline().clip(wait.limit);
        let end = begun + limit;
        let mut look_at = begun + FIRST_LOOK;
        let mut tell_at = begun + TELL_EVERY;
        loop {
            let soon = Instant::now() + TICK;
            if let Some(result) = next_end(ends, job, soon.min(end).min(look_at))? {
                return Ok(self.ended(unit, result));
            }
            let now = Instant::now();
            if now >= look_at {
                match self.outlook(job, &Look::begun(now)) {
                    // What is asked for may be gone by then, such as a unit on the way: the next look tells.
                    Ok(Outlook::Good)
                    | Err(CallError::Refused { .. } | CallError::TimedOut(_) | CallError::OutOfTime) => {}
                    Err(error) => return Err(error.into()),
                    Ok(Outlook::Gone) => {
                        // What systemd said before it answered that is in the queue by now.
                        let result = next_end(ends, job, now)?;
                        return Ok(match result {
                            Some(result) => self.ended(unit, result),
                            None => self.guess(unit, verb),
                        });
                    }
                    Ok(Outlook::Hopeless(reason)) => return Ok(JobEnd::LeftQueued { reason }),
                }
                // A look costs a call for each job on the way: never more than a tenth of the time.
                look_at = now + NEXT_LOOK.max(now.elapsed() * 10);
            }
            if (wait.stop)() {
                return Ok(JobEnd::left("this program was told to end"));
            }
            if now >= end {
                return Ok(if limit < wait.limit {
                    JobEnd::left("no time is left for this run")
                } else {
                    JobEnd::left(&format!("it has not ended within {} s", limit.as_secs()))
                });
            }
            if now >= tell_at {
                (wait.tell)(begun.elapsed());
                tell_at += TELL_EVERY;
            }
        }
    }
}

/// The result of `job`, if it has ended by `until`.
fn next_end(ends: &mut MessageStream, job: &OwnedObjectPath, until: Instant) -> Result<Option<String>, CallError> {
    pick_from(ends, until, |message| {
        let body = message.body();
        let (_, path, _, result) = body.deserialize::<(u32, ObjectPath<'_>, &str, &str)>().ok()?;
        (path.as_str() == job.as_str()).then(|| result.to_owned())
    })
}
