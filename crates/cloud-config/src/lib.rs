//! Legacy cloud-config: from the bytes of user-data to findings and a plan, without touching a machine.
//!
//! ```text
//! bytes ──► user_data ──► address_tokens ──► yaml ──► config ──► plan
//!           gunzip, MIME   $private_ipv4     nodes    types      steps
//!                │               │             │         │         │
//!                └───────────────┴── findings ─┴── lint ─┴─────────┘
//! ```
//!
//! [`document`] goes this way for one part, and [`network`] turns the network descriptions of platforms into files of
//! systemd-networkd. [`print`](mod@print) writes the parsed configuration as user-data, [`convert`] as a configuration
//! for Butane and Ignition. [`redact`] shows findings and lines without secrets. [`diagnostic`] and [`text`] are used by
//! all. With the feature `schema`, `json_schema` describes what may be written.
//!
//! The crate has no input or output, no clock and no environment: facts about a machine are passed in as
//! [`plan::Facts`].
//!
//! ```
//! use cloud_config::address_tokens::Addresses;
//! use cloud_config::plan::Facts;
//! use cloud_config::redact::LocatedFinding;
//! use cloud_config::text::Lines;
//! use cloud_config::yaml::Paths;
//! use cloud_config::{document, user_data};
//!
//! let bytes = b"#cloud-config\nhostname: web-1\nwrite_files:\n- path: /etc/motd\n  content: hello\n  permission: '0600'\n- path: /etc/issue\n  content: hi\n";
//!
//! // User-data is one part, or a multipart of many.
//! let parts = user_data::split("user-data", bytes.to_vec());
//!
//! // Each part is read: tokens, YAML, types.
//! let addresses = Addresses::default();
//! let part = document::read(parts.into_iter().next().unwrap(), &addresses, false);
//!
//! // The host name and the keys of `core` are known before anything is planned: they come first in a run.
//! assert_eq!(part.access.hostname.as_ref().unwrap().0.name, "web-1");
//!
//! // What it asks for becomes steps, in the order of a run. What is invalid is refused, the rest is planned.
//! let plan = part.plan(&Facts::default(), "user-data");
//! let steps: Vec<String> = plan.steps.iter().map(|planned| planned.step.to_string()).collect();
//! assert_eq!(steps, ["write /etc/issue (0644 root:root, 2 bytes)"]);
//!
//! // Every finding has a rule, a position, and the path of its key.
//! let (lines, paths) = (Lines::new(part.part.text.as_bytes()), Paths::new(&part.parsed));
//! let finding = LocatedFinding::new("user-data", &plan.findings[0], &lines, &paths);
//! assert_eq!((finding.id, finding.path.as_deref()), ("misspelled-key", Some("write_files[0].permission")));
//! assert_eq!(finding.at.unwrap().start.line, 6);
//! ```

// Unit tests measure time and read the corpus; the code itself does neither.
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros))]

pub mod address_tokens;
pub mod config;
pub mod convert;
pub mod diagnostic;
pub mod document;
#[cfg(feature = "schema")]
pub mod json_schema;
pub mod lint;
pub mod network;
pub mod plan;
pub mod print;
pub mod redact;
pub mod run_plan;
pub mod text;
pub mod user_data;
pub mod yaml;
