from busybox As BUILD
rUn echo
Copy a B
