//! The signs before steps: a run, a dry run and `--status` use the same ones (docs/command-line.md#signs).

use anstyle::{AnsiColor, Style};

/// The result of a step, known or expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The step changes the machine.
    Done,
    /// The machine is already in the requested state.
    Unchanged,
    /// The step is done in each run.
    Runs,
    /// The step does not apply here.
    Skipped,
    /// The step is left to systemd, and may end later.
    Queued,
    /// The item is not applied, or the step or its dependency fails.
    Failed,
    /// The outcome cannot be known before the run.
    Unknown,
}

impl Sign {
    /// All signs, in the order of the legend.
    pub const ALL: [Self; 7] =
        [Self::Done, Self::Unchanged, Self::Runs, Self::Skipped, Self::Queued, Self::Failed, Self::Unknown];

    /// The character before the step.
    pub const fn character(self) -> char {
        match self {
            Self::Done => '+',
            Self::Unchanged => '=',
            Self::Runs => '>',
            Self::Skipped => '-',
            Self::Queued => '~',
            Self::Failed => '!',
            Self::Unknown => '?',
        }
    }

    /// Returns the meaning in the legend.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "changes",
            Self::Unchanged => "nothing to do",
            Self::Runs => "runs each time",
            Self::Skipped => "skipped",
            Self::Queued => "queued",
            Self::Failed => "fails or not applied",
            Self::Unknown => "not known before the run",
        }
    }

    /// Returns the meaning in the documentation.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "The step changes the machine.",
            Self::Unchanged => "The machine is already as it should be; nothing is written.",
            Self::Runs => {
                "The step is done in each run, such as a unit command. `--status` marks scripts with it, whose result \
                 is in the journal of their unit."
            }
            Self::Skipped => "The step does not apply here; the line gives the reason. This is not a failure.",
            Self::Queued => "The job is left to systemd and may end later; the line gives the reason.",
            Self::Failed => {
                "The step or its dependency fails, or an item or a key is not applied because of an error; the line or \
                 a finding gives the reason. The exit code is 1."
            }
            Self::Unknown => {
                "The outcome cannot be known before the run, for example without root privileges; the line gives the \
                 reason."
            }
        }
    }

    /// Returns true for a sign that a dry run can print. A dry run starts no job, so no step is left to systemd.
    pub const fn is_forecast(self) -> bool {
        !matches!(self, Self::Queued)
    }

    /// Returns true for a sign that a run or its record can have. A run knows the result of each step, so none is
    /// unknown.
    pub const fn is_result(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// The style on a terminal with colors.
    pub const fn style(self) -> Style {
        match self {
            Self::Done => AnsiColor::Green.on_default().bold(),
            Self::Unchanged | Self::Skipped => Style::new().dimmed(),
            Self::Runs => AnsiColor::Cyan.on_default().bold(),
            Self::Queued | Self::Unknown => AnsiColor::Yellow.on_default().bold(),
            Self::Failed => AnsiColor::Red.on_default().bold(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sign;

    #[test]
    fn each_sign_has_one_meaning() {
        let mut signs: Vec<_> = Sign::ALL.iter().map(|sign| sign.character()).collect();
        signs.sort_unstable();
        signs.dedup();
        assert_eq!(signs.len(), Sign::ALL.len());
        assert!(Sign::ALL.iter().all(|sign| sign.is_forecast() || sign.is_result()));
    }
}
