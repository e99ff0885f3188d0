//! The settings of a virtual machine: files on its root disk, additional disks, a network, kernel parameters.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::Boot;
use super::super::kept::must_run;
use super::super::web::Server;
use super::disk::{self, Format};
use super::image::{How, Image};
use super::machine::Vm;

/// The entry of fstab for the OEM partition of the image. A slow machine finds its disks later than the default timeout
/// of systemd.
const OEM: &str = "LABEL=OEM /usr/share/oem ext4 ro,x-systemd.device-timeout=10min 0 0\n";

/// The settings of a virtual machine.
#[derive(Default)]
pub struct Setup {
    root: Boot,
    disks: Vec<(Format, &'static str, Boot)>,
    /// Complete images of additional disks.
    images: Vec<PathBuf>,
    scratch: Vec<(Option<Format>, u64)>,
    words: Vec<String>,
    network: Option<String>,
    serial: Option<String>,
    how: How,
}

impl Setup {
    /// Installs the program from its package.
    #[must_use]
    pub const fn packed(mut self) -> Self {
        self.how = How::Packed;
        self
    }

    /// Omits the program.
    #[must_use]
    pub const fn absent(mut self) -> Self {
        self.how = How::Absent;
        self
    }

    /// Enables SELinux with Debian's policy in permissive mode: denials are only logged.
    #[must_use]
    pub fn selinux(mut self) -> Self {
        self.how = How::Labelled;
        self.word("security=selinux").word("enforcing=0")
    }

    /// Returns the image to boot.
    pub(super) fn image(&self) -> Result<&'static Image, String> {
        Image::get(self.how)
    }

    /// Changes the content of the root disk, before the boot.
    #[must_use]
    pub fn root(mut self, change: impl FnOnce(Boot) -> Boot) -> Self {
        self.root = change(self.root);
        self
    }

    /// Adds a file to the root disk before the boot.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        self.root(|root| root.file(path, text))
    }

    /// Adds an OEM partition with this cloud-config.
    #[must_use]
    pub fn oem(self, config: &str) -> Self {
        self.file("/etc/fstab", OEM).disk(Format::Ext4, "OEM", Boot::default().file("cloud-config.yml", config))
    }

    /// Adds a disk from an image that contains an ext4 OEM partition.
    #[must_use]
    pub fn oem_image(mut self, image: PathBuf) -> Self {
        self.images.push(image);
        self.file("/etc/fstab", OEM)
    }

    /// Adds a disk with this label and these files.
    #[must_use]
    pub fn disk(mut self, format: Format, label: &'static str, files: Boot) -> Self {
        self.disks.push((format, label, files));
        self
    }

    /// Adds a writable disk of that many megabytes. Such disks come after all others, in the order of the calls.
    #[must_use]
    pub fn scratch(mut self, format: Option<Format>, megabytes: u64) -> Self {
        self.scratch.push((format, megabytes));
        self
    }

    /// Adds a word to the kernel command line.
    #[must_use]
    pub fn word(mut self, word: &str) -> Self {
        self.words.push(word.to_owned());
        self
    }

    /// The serial number of the machine (DMI), without commas.
    #[must_use]
    pub fn serial(mut self, number: &str) -> Self {
        self.serial = Some(number.to_owned());
        self
    }

    /// Adds a network card, with only a DHCP server behind it.
    #[must_use]
    pub fn card(mut self) -> Self {
        self.network = Some("user,model=virtio-net-pci,restrict=on,mac=52:54:00:12:34:56".to_owned());
        self
    }

    /// Adds a network without internet access, in which connections to `place` (`10.0.2.100:80`) reach `server`. The
    /// machine gets its address by DHCP.
    #[must_use]
    pub fn network(mut self, place: &str, server: &Server) -> Self {
        let (address, _) = place.split_once(':').expect("an address and a port");
        let (net, _) = address.rsplit_once('.').expect("an IPv4 address");
        let (_, port) = server.url.rsplit_once(':').expect("a URL with a port");
        self.network = Some(format!(
            "user,model=virtio-net-pci,restrict=on,net={net}.0/24,guestfwd=tcp:{place}-cmd:busybox nc 127.0.0.1 {port}"
        ));
        self
    }

    /// Creates the disks, boots the machine, and waits until everything that starts at boot has started or failed.
    pub fn boot(&self) -> Vm {
        Vm::boot(self).unwrap_or_else(|reason| panic!("the machine does not boot: {reason}"))
    }

    /// Creates the disks and switches the machine on without waiting.
    pub fn switch_on(&self) -> Vm {
        let vm = Vm::off(self).and_then(|vm| vm.start().map(|()| vm));
        vm.unwrap_or_else(|reason| panic!("the machine cannot be switched on: {reason}"))
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn network_card(&self) -> Option<&str> {
        self.network.as_deref()
    }

    pub(super) fn serial_number(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Creates the writable disks except the root disk.
    pub(super) fn make_scratch(&self, place: &Path) -> Result<Vec<PathBuf>, String> {
        let disks = self.scratch.iter().enumerate().map(|(number, &(format, megabytes))| {
            let image = place.join(format!("scratch{number}.img"));
            disk::empty(format, &image, megabytes).map(|()| image)
        });
        disks.collect()
    }

    /// Creates the disks except that for `/usr`, in the order in which the machine sees them: the root disk first.
    pub(super) fn make_disks(&self, place: &Path) -> Result<(PathBuf, Vec<(Format, PathBuf)>), String> {
        let directory = place.join("root");
        must_run(Command::new("cp").arg("-a").arg(&self.image()?.root).arg(&directory))?;
        self.root.prepare(&directory)?;
        let root = place.join("root.img");
        disk::ext4(&directory, &root, "root", 128)?;
        let _ = fs::remove_dir_all(&directory);
        let mut more = Vec::new();
        for (format, label, files) in &self.disks {
            let directory = place.join(label);
            fs::create_dir_all(&directory).map_err(|e| format!("failed to make {}: {e}", directory.display()))?;
            files.prepare(&directory)?;
            let image = place.join(format!("{label}.img"));
            disk::make(*format, &directory, &image, label)?;
            more.push((*format, image));
        }
        more.extend(self.images.iter().map(|image| (Format::Ext4, image.clone())));
        Ok((root, more))
    }
}
