hello() { echo "hello from $TASK_ROOT"; }
bye() { echo bye; }
