"""TensorFlow says less once its settings are made, and what the environment sets stays."""

import os
import subprocess
import sys

from source_lib.tensorflow_settings import QUIET


def run(code, **settings):
    environment = {name: value for name, value in os.environ.items() if name not in QUIET} | settings
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_importing_tensorflow_brings_no_note_about_rounding():
    code = "from source_lib.tensorflow_settings import quiet_tensorflow; quiet_tensorflow(); import tensorflow"
    done = run(code)
    # Where there is no CUDA, TensorFlow 2.21 says so before it looks at any setting.
    assert "oneDNN" not in done.stderr and "rebuild TensorFlow" not in done.stderr and done.stdout == ""


def test_what_the_environment_says_stays():
    code = "import os; from source_lib.tensorflow_settings import *; quiet_tensorflow(); print(os.environ['{}'])"
    assert run(code.format("TF_CPP_MIN_LOG_LEVEL"), TF_CPP_MIN_LOG_LEVEL="0").stdout == "0\n"
