//! The architecture of the machines: that of the host, or arm64, emulated, with `TESTBED_ARCH=arm64`.

use std::path::PathBuf;
use std::process::Command;

use super::{PROGRAM, kept};

/// The architecture of the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64, with the program as the tests build it.
    Amd64,
    /// 64-bit ARM, with the program that `make release` builds. Only virtual machines have it.
    Arm64,
}

impl Arch {
    /// The architecture of this run.
    pub fn get() -> Self {
        let wanted = std::env::var("TESTBED_ARCH").unwrap_or_default();
        if wanted == "arm64" { Self::Arm64 } else { Self::Amd64 }
    }

    /// Debian's name.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The program to install in an image.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Amd64 => PROGRAM.into(),
            Self::Arm64 => {
                let version = env!("CARGO_PKG_VERSION");
                let name = format!("coreos-cloudinit-{version}-aarch64-unknown-linux-gnu");
                kept::target().join(format!("release-{version}")).join(name)
            }
        }
    }

    /// The command of QEMU for a machine.
    pub const fn qemu(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// The arguments of QEMU for the processor and the board.
    pub const fn board(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &["-cpu", "qemu64"],
            Self::Arm64 => &["-machine", "virt", "-cpu", "cortex-a57"],
        }
    }

    /// The console of the kernel.
    pub const fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    /// The kind of something that is kept for machines of this architecture.
    pub fn kind(self, what: &str) -> String {
        match self {
            Self::Amd64 => what.to_owned(),
            Self::Arm64 => format!("arm64-{what}"),
        }
    }

    /// A command in which programs of this architecture run.
    pub fn command(self, name: &str) -> Command {
        match self {
            Self::Amd64 => Command::new(name),
            Self::Arm64 => {
                let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/emulate.sh"));
                command.arg(name);
                command
            }
        }
    }
}
