"""Names by which code takes in what its text does not show: files, the environment, programs."""

from __future__ import annotations

#: Names by which code takes in what is no code, or code that cannot be followed, and what that is.
OUTSIDE = {
    **dict.fromkeys(
        ("open", "read_text", "read_bytes", "fromfile", "loadtxt", "genfromtxt", "memmap"), "a file"
    ),
    **dict.fromkeys(("read_csv", "read_parquet", "read_json", "loadmat", "load_dataset"), "a file"),
    **dict.fromkeys(
        ("numpy.load", "torch.load", "joblib.load", "read_pickle", "read_excel", "urlopen"),
        "a file",
    ),
    **dict.fromkeys(("listdir", "scandir", "os.walk", "os.fwalk"), "files of a folder"),
    **dict.fromkeys(("glob", "iglob", "rglob", "iterdir"), "files of a folder"),
    **dict.fromkeys(("environ", "environb", "getenv", "getenvb", "expandvars"), "the environment"),
    **dict.fromkeys(("sys.argv", "sys.orig_argv"), "the command line"),
    **dict.fromkeys(("getcwd", "getcwdb", "pathlib.Path.cwd"), "the working directory"),
    **dict.fromkeys(
        ("subprocess", "check_output", "Popen", "popen", "os.system"), "another program"
    ),
    **dict.fromkeys(("CDLL", "cdll"), "a C library"),
    **dict.fromkeys(
        ("import_module", "__import__", "sys.modules", "run_path", "run_module"),
        "a module picked in a run",
    ),
    **dict.fromkeys(
        ("resolve_name", "iter_modules", "walk_packages", "pydoc.locate"),
        "a module picked in a run",
    ),
    **dict.fromkeys(("SourceFileLoader", "spec_from_file_location"), "a module picked in a run"),
    **dict.fromkeys(
        ("_getframe", "currentframe", "inspect.stack", "f_globals", "__globals__"),
        "code that is looked up",
    ),
    **dict.fromkeys(
        ("inspect.getmembers", "inspect.getmodule", "__subclasses__"), "code that is looked up"
    ),
}
