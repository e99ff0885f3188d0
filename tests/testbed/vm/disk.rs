//! Creates disk images from directories without mounting them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use super::super::kept::must_run;

/// The file system of a disk.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// ext4, the file system of an image's partitions.
    Ext4,
    /// ISO 9660: a CD, the form of a config drive on most platforms.
    Iso,
    /// FAT, the form of a config drive on some platforms.
    Fat,
    /// XFS, which some images use instead of ext4.
    Xfs,
}

/// Creates a disk image with the content of `directory`.
pub fn make(format: Format, directory: &Path, image: &Path, label: &str) -> Result<(), String> {
    match format {
        Format::Ext4 => ext4(directory, image, label, 16),
        Format::Iso => {
            let mut command = Command::new("genisoimage");
            command.args(["-quiet", "-R", "-J", "-V", label, "-o"]).arg(image).arg(directory);
            must_run(&mut command)
        }
        Format::Fat => fat(directory, image, label),
        Format::Xfs => Err("nobody can put files onto an xfs that is not mounted".to_owned()),
    }
}

/// Creates an empty disk image; without a format, it consists of one hole.
pub fn empty(format: Option<Format>, image: &Path, megabytes: u64) -> Result<(), String> {
    hole(image, megabytes)?;
    match format {
        None => Ok(()),
        Some(Format::Ext4) => must_run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(image)),
        Some(Format::Xfs) => {
            must_run(Command::new("mkfs.xfs").arg("-q").arg(image))?;
            // The log of XFS is 64 MB of zeros.
            must_run(Command::new("fallocate").arg("--dig-holes").arg(image))
        }
        Some(other) => Err(format!("nobody needs an empty disk of {other:?}")),
    }
}

/// Creates an ext4 disk image of `megabytes`, most of which is a hole.
pub fn ext4(directory: &Path, image: &Path, label: &str, megabytes: u64) -> Result<(), String> {
    hole(image, megabytes)?;
    let mut command = Command::new("mkfs.ext4");
    command.args(["-q", "-m", "0", "-L", label, "-d"]).arg(directory).arg(image);
    must_run(&mut command)
}

fn fat(directory: &Path, image: &Path, label: &str) -> Result<(), String> {
    hole(image, 8)?;
    must_run(Command::new("mkfs.vfat").args(["-n", label]).arg(image))?;
    for entry in fs::read_dir(directory).map_err(|e| format!("failed to read {}: {e}", directory.display()))?.flatten()
    {
        must_run(Command::new("mcopy").arg("-s").arg("-i").arg(image).arg(entry.path()).arg("::"))?;
    }
    Ok(())
}

fn hole(image: &Path, megabytes: u64) -> Result<(), String> {
    File::create(image)
        .and_then(|file| file.set_len(megabytes << 20))
        .map_err(|e| format!("failed to make {}: {e}", image.display()))
}
