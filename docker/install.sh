# Installs the wheels of this tree and what they need, from an index or from /wheels, while an image is built.
set -eu
python3 -m venv /opt/editmill
pip install --no-cache-dir --find-links /wheels --constraint /built/constraints.txt \
    "$(ls /built/editmill-*.whl)[generate,watermark,s3]" /built/editmill_tabletop-*.whl
cp /built/health.py /built/prefect.container.yaml /opt/editmill/
