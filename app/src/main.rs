//! The program `lienthong`: crypto providers first, then the command line.

use std::process::ExitCode;

use clap::Parser;

/// Small pieces of JSON are most of what is allocated: with the system's allocator three tenths of the program's time went
/// there under load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lienthong::install_crypto();
    lienthong::cli::run(lienthong::cli::Arguments::parse())
}
