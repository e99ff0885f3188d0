//! What is told besides words: fields for the journal, a sign for people at a terminal.

use std::time::Duration;

use log::kv::{self, Key, Value, VisitSource};

use super::messages::Message;
use crate::plan::printable;
use crate::text::Position;

/// What became of a step, at a glance; `--dry-run` has the same signs for what would become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is done, and the machine is different now.
    Done,
    /// It had nothing to do.
    Unchanged,
    /// It does not apply here.
    Skipped,
    /// It was begun, and may end later.
    Queued,
    /// It was refused, left out, or failed.
    Failed,
}

impl Sign {
    /// All of them, in the order in which they are explained.
    pub const ALL: [Self; 5] = [Self::Done, Self::Unchanged, Self::Skipped, Self::Queued, Self::Failed];

    /// The character that stands before the step.
    pub const fn character(self) -> char {
        match self {
            Self::Done => '+',
            Self::Unchanged => '=',
            Self::Skipped => '-',
            Self::Queued => '?',
            Self::Failed => '!',
        }
    }
}

/// What a line of the log is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event<'a> {
    /// The kind of message, if it is one that people look for.
    pub message: Option<&'static Message>,
    /// Where the user-data came from, where it is about all of it.
    pub source: Option<&'a str>,
    /// The part that it is about.
    pub part: Option<&'a str>,
    /// Where in the part.
    pub at: Option<Position>,
    /// The step or the item of the part, in words.
    pub item: Option<&'a str>,
    /// The unit of systemd, if it is one.
    pub unit: Option<&'a str>,
    /// The rule of a finding.
    pub rule: Option<&'static str>,
    /// What became of it.
    pub sign: Option<Sign>,
    /// How long it took.
    pub took: Option<Duration>,
    /// What a terminal has in place of the log's words; the place stands beneath it.
    pub words: Option<&'a str>,
    /// It is said while something is waited for; a terminal that shows the wait itself does not need it.
    pub waiting: bool,
    /// It is for those who read the log later; people at a terminal know it.
    pub later: bool,
}

/// The fields in the journal. What may be a secret is in none: they are names and words that the message has, too.
pub(super) struct Fields(Vec<(&'static str, String)>);

impl Event<'_> {
    /// What the journal has of it besides the message.
    pub(super) fn fields(&self) -> Fields {
        let fields = [
            ("MESSAGE_ID", self.message.map(|message| message.id)),
            ("CLOUDINIT_SOURCE", self.source),
            ("CLOUDINIT_PART", self.part),
            ("CLOUDINIT_ITEM", self.item),
            ("CLOUDINIT_RULE", self.rule),
            ("UNIT", self.unit),
        ];
        Fields(fields.into_iter().filter_map(|(name, value)| Some((name, printable(value?)))).collect())
    }
}

impl kv::Source for Fields {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        self.0.iter().try_for_each(|(name, value)| visitor.visit_pair(Key::from_str(name), Value::from(value.as_str())))
    }
}
