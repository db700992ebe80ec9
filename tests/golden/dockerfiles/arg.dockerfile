ARG BASE=busybox:1
ARG A B=2 C="3 4"
FROM $BASE
ARG A
ARG D=${A:-x y}
