//! Crash markers: the files from which a run learns which changes an interrupted run left incomplete.
//!
//! Each marker is set before the change that it stands for, and cleared once that change is complete.
//!
//! | marks | place | set before | cleared after | read by |
//! |---|---|---|---|---|
//! | [`account`]: an incomplete user account | the link `/etc/.useradd-NAME.cci`, also in a tree | `useradd` | the last field of the account | each run that lists the account; one that does not moves the marker to `/run` |
//! | [`PendingReload`]: a daemon-reload | `/run/…/systemd-reload-PID`, locked | the first change to a unit | the reload | the reload of the next run |
//! | [`PendingReload`]: a restart of systemd-networkd | `/run/…/networkd-restart-PID`, locked | the first change to a file of networkd | the restart | the network steps of the next run |
//! | [`TemporaryFiles`]: files with a temporary name | `/run/…/temporary-files`, or `temporary-files-DEVICE-INODE` for a tree | each such name appears | all files of the batch are in place | the next run that locks the same root |
//!
//! The three formats differ because their subjects do:
//!
//! - An account is permanent, so its marker stands beside `/etc/passwd` and survives a reboot; all others end with the
//!   boot, which reads every unit and network file anew.
//! - A restart runs without the lock of the root, so several runs can have one pending at the same time: each run locks
//!   a file of its own, and one `unlink` clears it.
//! - Temporary files are many and appear only under the lock of the root: one list per root costs one append per name.
//!
//! One journal for all markers would need entries that cancel others. Interrupted runs leave journals, too, in which
//! one entry may be cleared while another is still needed. A marker that is only a name cannot be half written, even on
//! a full disk.
//!
//! Later versions also read these names and formats: a change must still read the markers of earlier versions.

pub mod account;
mod pending;
mod temporary_files;

pub use pending::PendingReload;
pub use temporary_files::{TemporaryFiles, TemporaryKind, clear_left as clear_left_temporary_files};
